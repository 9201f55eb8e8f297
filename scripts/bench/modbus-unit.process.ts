import { createServer } from 'node:net';

// A Modbus TCP unit that answers every read of registers at once, without looking. Units named on the command line do not answer.
const silent = new Set(process.argv.slice(2).map(Number));
const server = createServer({ noDelay: true }, (socket) => {
  let rest: Buffer = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const answers: Buffer[] = [];
    let at = 0;
    for (; rest.length - at >= 12; at += 12) {
      if (silent.has(rest[at + 6] ?? 0)) continue;
      const bytes = rest.readUInt16BE(at + 10) * 2;
      const answer = Buffer.alloc(9 + bytes);
      rest.copy(answer, 0, at, at + 2);
      answer.writeUInt16BE(3 + bytes, 4);
      rest.copy(answer, 6, at + 6, at + 8);
      answer[8] = bytes;
      answers.push(answer);
    }
    rest = rest.subarray(at);
    if (answers.length > 0) socket.write(answers.length === 1 ? (answers[0] as Buffer) : Buffer.concat(answers));
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(address !== null && typeof address === 'object' ? address.port : 0);
});
process.on('disconnect', () => process.exit());
