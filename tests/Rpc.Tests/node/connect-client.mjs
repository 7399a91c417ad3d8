// @connectrpc/connect with @bufbuild/protobuf underneath. The schema is a FileDescriptorSet that the tests write.
import { readFileSync } from 'node:fs';
import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, anyPack, anyUnpack } from '@bufbuild/protobuf/wkt';
import { ConnectError, createClient, decodeBinaryHeader, encodeBinaryHeader } from '@connectrpc/connect';
import { compressionGzip, createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';

export function createConnectClient(kind, baseUrl, descriptorSet) {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(descriptorSet)));
  const service = registry.getService('rpc.tests.Echo');
  const signalType = registry.getMessage('rpc.tests.SignalRequest');
  const createTransport = options => kind === 'connect-grpc'
    ? createGrpcTransport({ baseUrl, ...options })
    : createConnectTransport({
      baseUrl, httpVersion: kind.endsWith('http2') ? '2' : '1.1', useBinaryFormat: kind.includes('proto'),
      jsonOptions: { registry }, ...options,
    });
  const transport = createTransport({});
  const plain = createClient(service, transport);
  const gzip = createClient(service, createTransport({ sendCompression: compressionGzip, compressMinBytes: 1 }));

  const trailersOf = h => ({ text: h?.get('echo-text') ?? undefined, bin: h?.get('echo-bin') ? Buffer.from(decodeBinaryHeader(h.get('echo-bin'))).toString('base64') : undefined });
  const error = e => e instanceof ConnectError ? Object.assign(new Error(e.rawMessage), { code: e.code, trailers: trailersOf(e.metadata) }) : e;

  async function unary(call, request, options) {
    const headers = new Headers(options?.metadata);
    for (const [k, v] of Object.entries(options?.binary ?? {})) headers.set(k, encodeBinaryHeader(v));
    let trailers;
    try {
      const response = await call(request, { headers, timeoutMs: options?.timeoutMs, signal: options?.signal, onTrailer: t => trailers = trailersOf(t) });
      return { response, trailers };
    } catch (e) {
      throw error(e);
    }
  }

  return {
    streams: kind === 'connect-grpc',
    async say(r, options) {
      const { response, trailers } = await unary((options?.gzip ? gzip : plain).say, {
        ...r,
        number: BigInt(r.number ?? 0),
        time: r.seconds && { seconds: BigInt(r.seconds) },
        any: r.any && anyPack(signalType, create(signalType, { name: r.any })),
      }, options);
      return {
        trailers,
        response: {
          text: response.text, data: Buffer.from(response.data).toString('base64'), number: String(response.number), labels: response.labels,
          seconds: response.time && String(response.time.seconds),
          struct: response.struct,
          any: response.any && { type: response.any.typeUrl, name: anyUnpack(response.any, registry).name },
          metadata: { 'x-text': response.metadata['x-text'], 'x-bytes-bin': response.metadata['x-bytes-bin'] },
        },
      };
    },
    hang: (key, options) => unary(plain.hang, { key }, options),
    signal: name => unary(plain.signal, { name }),
    await_: name => unary(plain.await, { name }),
    callUnknown: () => unary((request, o) => transport.unary({ ...service.method.say, name: 'Nope' }, o.signal, o.timeoutMs, o.headers, request), {}),
    async *count(request, options) {
      try {
        for await (const message of plain.count(request, { timeoutMs: options?.timeoutMs, signal: options?.signal })) yield message.number;
      } catch (e) {
        throw error(e);
      }
    },
  };
}
