// node client.mjs <kind> <base url> <descriptor set>: runs the scenarios, prints their results as JSON.
import { createConnectClient } from './connect-client.mjs';
import { createGrpcJsClient } from './grpc-js-client.mjs';
import { run } from './scenarios.mjs';

const [kind, baseUrl, descriptorSet] = process.argv.slice(2);
const client = kind === 'grpc-js' ? createGrpcJsClient(baseUrl) : createConnectClient(kind, baseUrl, descriptorSet);
process.stdout.write(JSON.stringify(await run(client, kind)), () => process.exit(0));
