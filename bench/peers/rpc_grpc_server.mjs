// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// Argument: path of @grpc/grpc-js.

import { pathToFileURL } from "node:url";
import process from "node:process";

const { default: grpc } = await import(pathToFileURL(process.argv[2]).href);
const same = (bytes) => bytes;
const options = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
const server = new grpc.Server(options);
server.addService({
  echo: {
    path: "/echo/echo",
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
}, { echo: (call, answer) => answer(null, call.request) });
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`listening ${port}`);
});
