// Does the script whose bytes are counted really train? One epoch on 6,400 images; prints the accuracy on 1,000 others.

import { readMnist } from "../mnist.mjs";

const { trainMlp } = await import(`./train-mlp/${process.argv[2]}.mjs`);
const train = readMnist("train", 6400);
const test = readMnist("t10k", 1000);
console.log(await trainMlp(train, test));
process.exit(0);
