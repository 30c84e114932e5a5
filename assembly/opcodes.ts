// Which numbers name the instructions? Compiled by asc and by tsc alike, so: plain constants only.

// Instructions of the machine -----------------------------------------------------------------------------------------
/** All threads wait here until everything before has been written. */
export const SYNC = 0;
/** A kernel that a user compiled apart, called through the machine's table of functions: kernels/custom.ts. */
export const CUSTOM = 31;
/** Fused elementwise chain over tiles of 512 elements: kernels/map.ts. */
export const MAP = 1;
/** C = act(A·B + bias), any of A, B transposed, batched: kernels/matMul.ts. */
export const MATMUL = 2;
/** Sum, maximum, minimum, product or their index over one axis: kernels/reduce.ts. */
export const REDUCE = 3;
/** Strided copy: transpose, slice, concatenate, pad, broadcast: kernels/copy.ts. */
export const COPY = 4;
/** Rows picked by index: kernels/gather.ts. */
export const GATHER = 5;
/** Rows added up by index, the gradient of GATHER: kernels/gather.ts. */
export const SCATTER_ADD = 6;
/** The rows of one training batch: kernels/gather.ts. */
export const GATHER_BATCH = 7;
/** Softmax or its logarithm over rows: kernels/softmax.ts. */
export const SOFTMAX = 8;
/** Cross-entropy of logits against dense or sparse labels: kernels/crossEntropy.ts. */
export const CROSS_ENTROPY = 9;
/** Gradient of CROSS_ENTROPY with respect to the logits: kernels/crossEntropy.ts. */
export const CROSS_ENTROPY_GRADIENT = 10;
/** Adds to running sums, or keeps the largest or smallest, in float64 cells: kernels/accumulate.ts. */
export const ACCUMULATE = 11;
/** One step of SGD, with momentum or Nesterov: kernels/optimize.ts. */
export const SGD = 12;
/** One step of Adam or AdamW: kernels/optimize.ts. */
export const ADAM = 13;
/** One step of RMSprop: kernels/optimize.ts. */
export const RMSPROP = 14;
/** Maximum, its place, or average of windows of cells: kernels/pool.ts. */
export const POOL = 15;
/** Gradient of POOL with respect to the cells: kernels/pool.ts. */
export const POOL_GRADIENT = 16;
/** Convolution in up to three axes, or its gradient with respect to the input: kernels/conv.ts. */
export const CONV = 17;
/** Gradient of CONV with respect to the kernel: kernels/conv.ts. */
export const CONV_KERNEL_GRADIENT = 18;
/** A 3 × 3 convolution by Winograd's algorithm: kernels/convWinograd.ts. */
export const CONV_WINOGRAD = 19;
/** Sums of products from which the gradient of such a kernel is made: kernels/convWinogradGradient.ts. */
export const CONV_WINOGRAD_GRADIENT = 20;
/** Positions that put rows into order: kernels/sort.ts. */
export const ARG_SORT = 32;
/** Images under affine maps: kernels/affineSample.ts. */
export const AFFINE_SAMPLE = 33;
/** Gradient of AFFINE_SAMPLE with respect to the images: kernels/affineSample.ts. */
export const AFFINE_SAMPLE_GRADIENT = 34;
/** Mean and variance of each column, for parts of the rows: kernels/batchMoments.ts. */
export const BATCH_MOMENTS = 36;
/** Those of the whole from those of its parts: kernels/batchMoments.ts. */
export const MERGE_MOMENTS = 37;
/** Columns brought to mean 0 and variance 1, scaled and shifted: kernels/batchNormalization.ts. */
export const BATCH_NORMALIZATION = 38;
/** The sums over rows that its gradient needs: kernels/batchNormalization.ts. */
export const BATCH_NORMALIZATION_SUMS = 39;
/** Its gradient with respect to what was normalised: kernels/batchNormalization.ts. */
export const BATCH_NORMALIZATION_GRADIENT = 40;
/** −ln of the probability of labels over all their alignments with frames: kernels/ctc.ts. */
export const CTC = 41;
/** Gradient of CTC with respect to the logits: kernels/ctc.ts. */
export const CTC_GRADIENT = 42;
/** Singular values and vectors, or eigenvalues and eigenvectors: kernels/svd.ts. */
export const SVD = 48;
/** Square matrices as products of triangles: kernels/factor.ts. */
export const FACTOR = 49;
/** Systems of equations with triangles: kernels/factor.ts. */
export const SUBSTITUTE = 50;

// Element types -------------------------------------------------------------------------------------------------------
export const FLOAT32 = 0;
export const INT32 = 1;
export const UINT8 = 2;
export const BOOL = 3;

// MAP: how an input reaches its register ------------------------------------------------------------------------------
/** Same shape as the output, four bytes an element: read in place. */
export const MODE_DIRECT = 0;
/** One element for all. */
export const MODE_SCALAR = 1;
/** Dimensions and strides: broadcasting, and the one-byte types. */
export const MODE_STRIDED = 2;
/** Uniform random numbers in [0, 1), counted by element index: random.ts. */
export const MODE_RANDOM = 3;

// MAP: float32 → float32, one operand ---------------------------------------------------------------------------------
export const NEGATE = 0;
export const ABS = 1;
export const SIGN = 2;
export const SQUARE = 3;
export const SQRT = 4;
export const RSQRT = 5;
export const RECIPROCAL = 6;
export const EXP = 7;
export const EXPM1 = 8;
export const LOG = 9;
export const LOG1P = 10;
export const TANH = 11;
export const SIGMOID = 12;
export const ERF = 13;
export const ERF_INVERSE = 14;
export const FLOOR = 15;
export const CEIL = 16;
export const ROUND = 17;
export const RELU = 18;
export const SIN = 19;
export const COS = 20;
export const COPY_VALUE = 21;
/** min(max(x, 0), 6). */
export const RELU6 = 22;
export const ATAN = 23;
/** The share of a normal distribution below x. */
export const NORMAL_CDF = 24;
/** x σ(x). */
export const SILU = 25;

// MAP: float32 × float32 → float32 ------------------------------------------------------------------------------------
export const ADD = 32;
export const SUBTRACT = 33;
export const MULTIPLY = 34;
export const DIVIDE = 35;
export const MAXIMUM = 36;
export const MINIMUM = 37;
/** x^y: math.ts. */
export const POWER = 38;
/** What is left of x, with the sign of y. */
export const MODULO = 39;
/** ⌊x / y⌋. */
export const FLOOR_DIVIDE = 40;

// MAP: float32 × float32 → bool ---------------------------------------------------------------------------------------
export const EQUAL = 48;
export const NOT_EQUAL = 49;
export const LESS = 50;
export const LESS_EQUAL = 51;
export const GREATER = 52;
export const GREATER_EQUAL = 53;

// MAP: int32 (bool counts as 0 and 1) ---------------------------------------------------------------------------------
export const INT_NEGATE = 64;
export const INT_ABS = 65;
export const INT_SIGN = 66;
export const INT_ADD = 72;
export const INT_SUBTRACT = 73;
export const INT_MULTIPLY = 74;
export const INT_MAXIMUM = 75;
export const INT_MINIMUM = 76;
/** Wraps; of negative y the whole part. */
export const INT_POWER = 77;
/** 0 for y = 0, like INT_FLOOR_DIVIDE. */
export const INT_MODULO = 78;
export const INT_FLOOR_DIVIDE = 79;
export const INT_EQUAL = 80;
export const INT_NOT_EQUAL = 81;
export const INT_LESS = 82;
export const INT_LESS_EQUAL = 83;
export const INT_GREATER = 84;
export const INT_GREATER_EQUAL = 85;
export const LOGICAL_NOT = 88;
export const LOGICAL_AND = 89;
export const LOGICAL_OR = 90;

// MAP: select and conversions -----------------------------------------------------------------------------------------
/** c ≠ 0 ? a : b, any four-byte elements. */
export const SELECT = 96;
export const INT_TO_FLOAT = 97;
/** Rounds towards zero; NaN becomes 0; saturates. */
export const FLOAT_TO_INT = 98;
export const FLOAT_TO_BOOL = 99;
export const INT_TO_BOOL = 100;
/** Keeps the low eight bits. */
export const INT_TO_UINT8 = 101;

// REDUCE --------------------------------------------------------------------------------------------------------------
export const REDUCE_SUM = 0;
export const REDUCE_MAX = 1;
export const REDUCE_MIN = 2;
export const REDUCE_PRODUCT = 3;
export const REDUCE_ARG_MAX = 4;
export const REDUCE_ARG_MIN = 5;

// ACCUMULATE ----------------------------------------------------------------------------------------------------------
export const ACCUMULATE_SUM = 0;
export const ACCUMULATE_MAX = 1;
export const ACCUMULATE_MIN = 2;

// POOL and POOL_GRADIENT ----------------------------------------------------------------------------------------------
export const POOL_MAX = 0;
export const POOL_AVERAGE = 1;

// AFFINE_SAMPLE and AFFINE_SAMPLE_GRADIENT: what lies beyond the edge of an image -----------------------------------------
/** One value. */
export const FILL_CONSTANT = 0;
/** The cell at the edge: a a a | a b c d | d d d. */
export const FILL_NEAREST = 1;
/** The image again: b c d | a b c d | a b c. */
export const FILL_WRAP = 2;
/** Its mirror image: c b a | a b c d | d c b. */
export const FILL_REFLECT = 3;

// MATMUL: flags -------------------------------------------------------------------------------------------------------
export const TRANSPOSE_A = 1;
export const TRANSPOSE_B = 2;
export const HAS_BIAS = 4;
export const HAS_ACTIVATION = 8;
/** Units are numbered row by row of C instead of panel by panel. */
export const BY_ROWS = 16;
/** CONV and CONV_KERNEL_GRADIENT, which also take HAS_BIAS, HAS_ACTIVATION, BY_ROWS: every channel is a group of its own. */
export const DEPTHWISE = 32;
/** CONV_KERNEL_GRADIENT: `out` holds the result of another algorithm; what is not finite of it is summed anew. */
export const MENDS = 64;

// What stopped a program ----------------------------------------------------------------------------------------------
export const FAULT_NONE = 0;
/** An index or label is outside its range. */
export const FAULT_INDEX = 1;
/** The kernel of a user trapped or threw. */
export const FAULT_TRAP = 2;
