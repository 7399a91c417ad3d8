// An S3 server on a free port, with its objects in the folder that the first argument names; prints the port.
import S3rver from 's3rver';

const server = new S3rver({ address: '127.0.0.1', port: 0, silent: true, directory: process.argv[2], configureBuckets: [{ name: 'blobs' }] });
const { port } = await server.run();
console.log(port);
process.stdin.on('end', () => process.exit(0)).resume(); // it goes with whoever started it
