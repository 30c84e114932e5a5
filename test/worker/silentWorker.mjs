// A worker that never says a word, and does not end.

setInterval(() => {}, 1000);
