// An agent that answers /health over HTTP, well or in the way that its config key "behaviour" says.
const fs = require('fs'), http = require('http'), net = require('net');
const config = JSON.parse(fs.readFileSync(process.argv[process.argv.indexOf('--config') + 1], 'utf8'));
const where = config.unix_socket ? { path: config.unix_socket } : { port: config.http_port, host: '127.0.0.1' };
const answers = {
  garbage: socket => socket.end('this is not HTTP\n'),
  html: socket => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n<html></html>'),
  unavailable: socket => socket.end('HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\n{}'),
  endless: socket => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n{"a":"');
    const more = () => { while (socket.writable && socket.write('x'.repeat(65536))); };
    socket.on('drain', more);
    more();
  },
};
console.log('listening');
if (config.behaviour in answers) {
  net.createServer(socket => { socket.on('error', () => {}); socket.once('data', () => answers[config.behaviour](socket)); }).listen(where);
} else {
  const agent_id = config.behaviour === 'stranger' ? 'someone-else' : config.agent_id;
  http.createServer((request, response) => {
    if (config.behaviour === 'redirect' && request.url === '/health') {
      response.writeHead(302, { location: '/elsewhere' }).end();
    } else {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ status: 'ok', agent_id }));
    }
  }).listen(where);
}
