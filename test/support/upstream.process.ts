// An MQTT broker in a process of its own, so that tests can stop, freeze and kill it: `node upstream.process.ts PORT [USER PASSWORD]`.
import { createServer } from 'node:net';
import { Aedes } from 'aedes';

const [port, user, password] = process.argv.slice(2);
const broker = await Aedes.createBroker();
if (user !== undefined) {
  broker.authenticate = (_client, name, secret, done) => done(null, name === user && secret?.toString() === password);
}
const server = createServer((socket) => broker.handle(socket));
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : null });
});
process.on('disconnect', () => process.exit());
