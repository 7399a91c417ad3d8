// What every client must be able to do. A client is an object with `say`, `hang`, `count`, `signal`, `await_` and
// `callUnknown`; its errors are `{code, message, trailers}`. The results are plain JSON, and it is the C# tests
// that know what they should be. A scenario that never ends is ended by the process that started this one.

async function outcome(call) {
  try {
    return { ok: await call };
  } catch (e) {
    if (e.code === undefined) throw e;
    return { code: e.code, message: e.message, trailers: e.trailers };
  }
}

/** Reads a stream to its end or its error. */
async function collect(stream) {
  const numbers = [];
  try {
    for await (const n of stream) numbers.push(n);
    return { numbers };
  } catch (e) {
    if (e.code === undefined) throw e;
    return { numbers, code: e.code, message: e.message };
  }
}

const unary = {
  roundTrip: c => c.say(
    { text: 'grüße, 世界 🚀', data: Buffer.from([0, 1, 254, 255]), number: '9007199254740993', seconds: '1700000000',
      struct: { model: 'm' }, any: 'packed', labels: { a: 'b' } },
    { metadata: { 'x-text': 'hello' }, binary: { 'x-bytes-bin': Buffer.from([0, 255, 16]) } }),
  empty: c => c.say({}),
  failure: c => outcome(c.say({ failure: { code: 5, message: 'no team "Ä" – 100% 🚀' } })),
  crash: c => outcome(c.say({ failure: { crash: true } })),
  unknownMethod: c => outcome(c.callUnknown()),
  tooLarge: c => outcome(c.say({ data: Buffer.alloc(300 * 1024) })),
  gzip: async c => (await c.say({ text: 'z'.repeat(5000) }, { gzip: true })).response.text.length,
  gzipBomb: c => outcome(c.say({ data: Buffer.alloc(1024 * 1024) }, { gzip: true })),
  // Larger than any flow-control window.
  largeResponse: async c => (await c.say({ replyBytes: 3 * 1024 * 1024 })).response.data.length,
  cancel: async (c, key) => {
    const abort = new AbortController();
    const result = outcome(c.hang(key, { signal: abort.signal }));
    await c.await_(`${key}/started`);
    abort.abort();
    await c.await_(`${key}/cancelled`);
    return await result;
  },
  // Long enough for the handler to be at it when the time is up.
  deadline: async (c, key) => {
    const result = await outcome(c.hang(key, { timeoutMs: 1000 }));
    await c.await_(`${key}/cancelled`);
    return result;
  },
};

const streaming = {
  // The next message is made only when this one has arrived: a server that held messages back would hang here.
  stream: async (c, key) => {
    const numbers = [];
    for await (const n of c.count({ key, count: 3, gated: true })) {
      numbers.push(n);
      await c.signal(`${key}/${n + 1}`);
    }
    return { numbers };
  },
  streamEmpty: c => collect(c.count({ count: 0 })),
  streamMany: async c => (await collect(c.count({ count: 5000 }))).numbers.length,
  streamFailure: c => collect(c.count({ count: 2, failure: { code: 9, message: 'stopped – here' } })),
  streamFailureFirst: c => collect(c.count({ count: 0, failure: { code: 5, message: 'none' } })),
  streamDeadline: async (c, key) => {
    const result = await collect(c.count({ key, count: 2, gated: true }, { timeoutMs: 1000 }));
    await c.await_(`${key}/cancelled`);
    return result;
  },
  streamCancel: async (c, key) => {
    const abort = new AbortController();
    const result = { numbers: [] };
    try {
      for await (const n of c.count({ key, count: 2, gated: true }, { signal: abort.signal })) {
        result.numbers.push(n);
        abort.abort();
      }
    } catch (e) {
      result.code = e.code;
    }
    await c.await_(`${key}/cancelled`);
    return result;
  },
};

export async function run(client, prefix) {
  const results = {};
  for (const [name, scenario] of Object.entries(client.streams ? { ...unary, ...streaming } : unary)) {
    console.error(`running ${name}`);
    results[name] = await scenario(client, `${prefix}-${name}`);
  }
  return results;
}
