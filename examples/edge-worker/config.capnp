# How workerd runs the worker: npx workerd serve examples/edge-worker/config.capnp

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "digits", worker = .digits)],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "digits")],
);

const digits :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "dist/worker.js"),
    (name = "wasmgrad-inference.wasm", wasm = embed "dist/wasmgrad-inference.wasm"),
    (name = "digits.bin", data = embed "dist/digits.bin"),
  ],
  compatibilityDate = "2025-05-05",
);
