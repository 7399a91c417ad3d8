// @grpc/grpc-js with protobufjs underneath.
import grpc from '@grpc/grpc-js';
import { loadEcho } from './grpc-js-echo.mjs';

export function createGrpcJsClient(baseUrl) {
  const Echo = loadEcho();
  const address = new URL(baseUrl).host;
  const limits = { 'grpc.max_receive_message_length': -1 };
  const plain = new Echo(address, grpc.credentials.createInsecure(), limits);
  const gzip = new Echo(address, grpc.credentials.createInsecure(), { ...limits, 'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip });

  const error = e => Object.assign(new Error(e.details), { code: e.code, trailers: trailersOf(e.metadata) });
  const trailersOf = metadata => ({ text: metadata?.get('echo-text')[0], bin: metadata?.get('echo-bin')[0]?.toString('base64') });
  const optionsOf = o => o?.timeoutMs ? { deadline: Date.now() + o.timeoutMs } : {};

  function unary(client, method, request, options) {
    return new Promise((resolve, reject) => {
      const metadata = new grpc.Metadata();
      for (const [k, v] of Object.entries({ ...options?.metadata, ...options?.binary })) metadata.set(k, v);
      let response;
      const call = client[method](request, metadata, optionsOf(options), (e, r) => e ? reject(error(e)) : (response = r));
      call.on('status', s => s.code === 0 && resolve({ response, trailers: trailersOf(s.metadata) }));
      options?.signal?.addEventListener('abort', () => call.cancel());
    });
  }

  return {
    streams: true,
    async say(r, options) {
      const { response, trailers } = await unary(options?.gzip ? gzip : plain, 'Say', {
        ...r,
        time: r.seconds && { seconds: r.seconds },
        struct: r.struct && { fields: Object.fromEntries(Object.entries(r.struct).map(([k, stringValue]) => [k, { stringValue }])) },
        any: r.any && { type_url: 'type.googleapis.com/rpc.tests.SignalRequest', value: Echo.service.Signal.requestSerialize({ name: r.any }) },
      }, options);
      return {
        trailers,
        response: {
          text: response.text, data: response.data.toString('base64'), number: response.number, labels: response.labels,
          seconds: response.time?.seconds,
          struct: response.struct && Object.fromEntries(Object.entries(response.struct.fields).map(([k, v]) => [k, v.stringValue])),
          any: response.any && { type: response.any.type_url, name: Echo.service.Signal.requestDeserialize(response.any.value).name },
          metadata: { 'x-text': response.metadata['x-text'], 'x-bytes-bin': response.metadata['x-bytes-bin'] },
        },
      };
    },
    hang: (key, options) => unary(plain, 'Hang', { key }, options),
    signal: name => unary(plain, 'Signal', { name }),
    await_: name => unary(plain, 'Await', { name }),
    callUnknown: () => new Promise((resolve, reject) =>
      plain.makeUnaryRequest('/rpc.tests.Echo/Nope', b => b, b => b, Buffer.alloc(0), (e, r) => e ? reject(error(e)) : resolve(r))),
    async *count(request, options) {
      const call = plain.Count(request, optionsOf(options));
      options?.signal?.addEventListener('abort', () => call.cancel());
      try {
        for await (const message of call) yield message.number;
      } catch (e) {
        throw e.code === undefined ? e : error(e);
      }
    },
  };
}
