// How many images of MNIST are trained on, from the first?

export const trainingImages = 6000;
