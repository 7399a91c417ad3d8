import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

/** The echo service as grpc-js sees it. */
export function loadEcho() {
  const proto = fileURLToPath(new URL('../echo.proto', import.meta.url));
  return grpc.loadPackageDefinition(protoLoader.loadSync(proto, { longs: String, defaults: true })).rpc.tests.Echo;
}
