// An agent type in another language: the agent contract in Node.js, without dependencies. It answers each message with
// the same words in capitals, one event a word. See docs/agent-contract.md.
import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const config = JSON.parse(readFileSync(process.argv[process.argv.indexOf('--config') + 1], 'utf8'));
const history = [];
let running = null; // the response of the turn that runs

const server = createServer(async (request, response) => {
  const route = `${request.method} ${request.url.split('?')[0]}`;
  try {
    if (route === 'GET /health') return json(response, 200, { status: 'ok', agent_id: config.agent_id });
    const body = request.method === 'POST' ? JSON.parse(await text(request)) : {};
    const token = body.nonce ?? (request.headers.authorization ?? '').replace(/^Bearer /i, '');
    if (!isToken(token)) return json(response, 403, { error: 'wrong or missing nonce' });
    switch (route) {
      case 'POST /v1/turn': return await turn(body, request, response);
      case 'POST /v1/history': return json(response, 200, { entries: body.last_n ? history.slice(-body.last_n) : history });
      case 'POST /v1/control': return json(response, 400, { error: `operation: this agent knows none, and not '${body.operation}'` });
      case 'GET /v1/info': return json(response, 200, { pid: process.pid, cwd: process.cwd(), uid: process.getuid(), agent_id: config.agent_id, greeting: config.greeting ?? null });
      default: return json(response, 404, { error: `there is no ${route}` });
    }
  } catch (error) {
    if (!response.headersSent) json(response, error instanceof SyntaxError ? 400 : 500, { error: error instanceof SyntaxError ? 'the body is not JSON' : 'internal error' });
    else response.destroy();
  }
});

async function turn(body, request, response) {
  if (body.agent_id !== config.agent_id) return json(response, 400, { error: 'agent_id is not this agent' });
  if (typeof body.body !== 'string') return json(response, 400, { error: 'body must be a string' });
  if (running) return json(response, 409, { error: 'a turn is already running' });
  const message = lastMessage(body.body);
  running = response;
  response.on('close', () => { if (running === response) running = null; }); // the caller went away: so does the turn
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  history.push({ role: 'user', content: message, time: new Date().toISOString() });
  const answer = message.toUpperCase();
  for (const word of answer.match(/\S+\s*|\s+/g) ?? []) {
    if (response.destroyed) return;
    if (!response.write(event({ body: word, done: false }))) await new Promise((resume) => response.once('drain', resume).once('close', resume));
  }
  history.push({ role: 'assistant', content: answer, time: new Date().toISOString() });
  running = null;
  response.end(event({ body: '', done: true }));
}

// The content of the last user message, whichever vendor's document it came in; plain text is the message itself.
function lastMessage(body) {
  if (!body.trimStart().startsWith('{')) return body;
  const content = JSON.parse(body).messages.findLast((message) => message.role === 'user').content;
  return typeof content === 'string' ? content : content.map((part) => part.text ?? '').join('');
}

function isToken(presented) {
  const [left, right] = [Buffer.from(String(presented)), Buffer.from(config.nonce)];
  return left.length === right.length && timingSafeEqual(left, right);
}

async function text(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function event(data) {
  return `data: ${JSON.stringify(data)}\n\n`;
}

function json(response, status, data) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(data));
}

process.on('SIGTERM', () => {
  running?.end(event({ body: '', done: false, error: 'the agent is shutting down' }) + event({ body: '', done: true }));
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});

server.listen(config.unix_socket ?? { port: config.http_port, host: '127.0.0.1' });
