// Reads and writes a live bus; prints what it saw as one JSON object.
// usage: node client.mjs HOST:PORT BUS AGENT_TOKEN OPERATOR_TOKEN
import { promisify } from 'node:util';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [address, bus, agentToken, operatorToken] = process.argv.slice(2);
const loaded = grpc.loadPackageDefinition(loader.loadSync(new URL('bus.proto', import.meta.url).pathname, { keepCase: true, longs: Number, enums: String, oneofs: true, defaults: true }));
const client = new loaded.agent_bus.AgentBusService(address, grpc.credentials.createInsecure());

const call = (token, method, request) => {
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return promisify(client[method].bind(client))(request, metadata, { deadline: Date.now() + 60000 });
};
const agent = (method, request) => call(agentToken, method, request);
const failure = promise => promise.then(() => null, error => error.code);

const seen = {};
seen.tailBefore = (await agent('CheckTail', { agent_bus_id: bus })).tail_position;
seen.input = (await agent('Append', { agent_bus_id: bus, payload: { agent_input: { text: 'list the files' } } })).log_position;
// bus_id wins over the older field.
seen.inference = (await agent('Append', { agent_bus_id: 'nothing', bus_id: { agent_bus_id: bus }, payload: { inference_input: { text: 'é😀' } } })).log_position;
const waiting = agent('BlockingPoll', { bus_id: { agent_bus_id: bus }, start_log_position: 0, max_entries: 10, timeout_ms: 50000, filter: { payload_types: ['COMMIT', 'ABORT'] } });
seen.intention = (await agent('Append', { agent_bus_id: bus, payload: { intention: { string_intention: 'human' } } })).log_position;
await call(operatorToken, 'Append', { agent_bus_id: bus, payload: { vote: { intention_id: seen.intention, abstract_vote: { boolean_vote: true }, reason: 'from afar' } } });
const decided = await waiting;
seen.decision = decided.entries[0].payload;
seen.decisionPosition = decided.entries[0].header.log_position;
seen.nextAfterDecision = decided.next_start_position;
await agent('Append', { agent_bus_id: bus, payload: { action_output: { intention_id: seen.intention, string_action_output: 'done' } } });
const poll = filter => agent('Poll', { bus_id: { agent_bus_id: bus }, start_log_position: 0, max_entries: 100, ...filter });
const all = await poll({});
seen.kinds = all.entries.map(entry => entry.payload.payload ?? 'control');
seen.positions = all.entries.map(entry => entry.header.log_position);
seen.complete = all.complete;
seen.text = all.entries[seen.inference].payload.inference_input.text;
seen.none = (await poll({ filter: { payload_types: [] } })).entries.length;
seen.inputs = (await poll({ filter: { payload_types: ['AGENT_INPUT', 'INFERENCE_INPUT'] } })).entries.length;
const range = await agent('ReadNext', { agent_bus_id: bus, start_log_position: 1, end_log_position: 3, max_entries: 10 });
seen.range = range.entries.map(entry => entry.header.log_position);
seen.nextAfterRange = range.next_start_position;
seen.empty = (await agent('BlockingPoll', { agent_bus_id: bus, start_log_position: 0, max_entries: 1, timeout_ms: 1, filter: { payload_types: ['MAIL'] } })).entries.length;
seen.tailAfter = (await agent('CheckTail', { agent_bus_id: bus })).tail_position;
seen.forgedCommit = await failure(agent('Append', { agent_bus_id: bus, payload: { commit: { intention_id: seen.intention } } }));
seen.beyondTail = await failure(agent('ReadNext', { agent_bus_id: bus, start_log_position: 0, end_log_position: 1000, max_entries: 1 }));
seen.wrongToken = await failure(call('x', 'CheckTail', { agent_bus_id: bus }));
seen.noEntries = await failure(agent('Poll', { agent_bus_id: bus, start_log_position: 0, max_entries: 0 }));
client.close();
console.log(JSON.stringify(seen));
