// The echo service on a grpc-js server. Prints its port on the first line, and ends when its input does.
import grpc from '@grpc/grpc-js';
import { loadEcho } from './grpc-js-echo.mjs';

const signals = new Map();
function signal(name) {
  if (!signals.has(name)) {
    let set;
    const happened = new Promise(resolve => set = resolve);
    signals.set(name, { happened, set });
  }
  return signals.get(name);
}

function trailers() {
  const metadata = new grpc.Metadata();
  metadata.set('echo-text', 'yes');
  metadata.set('echo-bin', Buffer.from([0, 255, 128]));
  return metadata;
}

const errorOf = failure => ({ code: failure.crash ? grpc.status.UNKNOWN : failure.code, details: failure.crash ? 'crashed' : failure.message, metadata: trailers() });

const server = new grpc.Server({ 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip });
server.addService(loadEcho().service, {
  Say(call, respond) {
    const r = call.request;
    if (r.failure) return respond(errorOf(r.failure));
    const metadata = Object.fromEntries(Object.keys(call.metadata.getMap())
      .map(k => [k, Buffer.isBuffer(call.metadata.get(k)[0]) ? call.metadata.get(k)[0].toString('base64') : call.metadata.get(k)[0]]));
    respond(null, { ...r, data: r.reply_bytes || r.replyBytes ? Buffer.alloc(r.replyBytes) : r.data, metadata }, trailers());
  },
  Hang(call) {
    const { key } = call.request;
    call.on('cancelled', () => signal(`${key}/cancelled`).set());
    signal(`${key}/started`).set();
  },
  async Count(call) {
    const { key, count, gated, failure } = call.request;
    call.on('cancelled', () => signal(`${key}/cancelled`).set());
    for (let number = 1; number <= count; number++) {
      if (gated && number > 1) await signal(`${key}/${number}`).happened;
      if (call.cancelled) return;
      call.write({ number });
    }
    if (failure) call.emit('error', errorOf(failure));
    else call.end(trailers());
  },
  Signal(call, respond) {
    signal(call.request.name).set();
    respond(null, {});
  },
  async Await(call, respond) {
    await signal(call.request.name).happened;
    respond(null, {});
  },
});
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
process.stdin.on('end', () => process.exit(0)).resume();
