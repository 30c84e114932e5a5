// How does a drawing become an image like those of MNIST?
//
// There, the ink is scaled to fit 20 × 20 pixels and its centre of mass is put in the middle of 28 × 28 (LeCun et al. 1998).

const [size, inner] = [28, 20];

/** A canvas to draw on. `changed()` is called after every stroke and while drawing. */
export function createPad(canvas, changed) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let drawing = false;
  let empty = true;

  const position = ({ clientX, clientY }) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return [((clientX - left) / width) * canvas.width, ((clientY - top) / height) * canvas.height];
  };
  const line = (event) => {
    context.lineTo(...position(event));
    context.stroke();
    empty = false;
    changed();
  };
  const clear = () => {
    context.clearRect(0, 0, canvas.width, canvas.height);
    empty = true;
  };

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    drawing = true;
    Object.assign(context, { lineWidth: 20, lineCap: "round", lineJoin: "round", strokeStyle: "#fff" });
    context.beginPath();
    context.moveTo(...position(event));
    line(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drawing) line(event);
  });
  for (const name of ["pointerup", "pointercancel"])
    canvas.addEventListener(name, () => {
      drawing = false;
    });

  return {
    clear,
    /** Whether there is no ink. */
    get empty() {
      return empty;
    },
    /** Shows an image of 28 × 28 bytes. */
    show(pixels) {
      clear();
      const image = new ImageData(size, size);
      pixels.forEach((value, index) => {
        image.data.set([255, 255, 255, value], 4 * index);
      });
      const small = new OffscreenCanvas(size, size);
      small.getContext("2d").putImageData(image, 0, 0);
      context.drawImage(small, 0, 0, canvas.width, canvas.height);
      empty = false;
    },
    /** The drawing as 28 × 28 bytes, scaled and centred. */
    pixels: () => centred(canvas, inkOf(context.getImageData(0, 0, canvas.width, canvas.height))),
  };
}

/** Where the ink is: its box. */
function inkOf({ data, width, height }) {
  const box = { left: width, top: height, right: 0, bottom: 0 };
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (data[4 * (y * width + x) + 3] > 40) {
        box.left = Math.min(box.left, x);
        box.right = Math.max(box.right, x + 1);
        box.top = Math.min(box.top, y);
        box.bottom = Math.max(box.bottom, y + 1);
      }
  return box;
}

function centred(canvas, { left, top, right, bottom }) {
  const pixels = new Uint8Array(size * size);
  if (right <= left) return pixels;
  const scale = inner / Math.max(right - left, bottom - top);
  const [width, height] = [(right - left) * scale, (bottom - top) * scale];
  const small = new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true });
  small.imageSmoothingQuality = "high";
  const paint = (x, y) => {
    small.clearRect(0, 0, size, size);
    small.drawImage(canvas, left, top, right - left, bottom - top, x, y, width, height);
    return small.getImageData(0, 0, size, size).data;
  };
  const [x, y] = [(size - width) / 2, (size - height) / 2];
  const [massX, massY] = centreOfMass(paint(x, y));
  const data = paint(x + size / 2 - massX, y + size / 2 - massY);
  return pixels.map((_, index) => data[4 * index + 3]);
}

function centreOfMass(data) {
  let [mass, sumX, sumY] = [0, 0, 0];
  for (let index = 0; index < size * size; index++) {
    const ink = data[4 * index + 3];
    mass += ink;
    sumX += ink * ((index % size) + 0.5);
    sumY += ink * (Math.floor(index / size) + 0.5);
  }
  return [sumX / mass, sumY / mass];
}
