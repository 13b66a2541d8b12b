/** The server's side of a WebSocket, as far as a kubelet's port forwarding needs it: binary frames, whole, and the end. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

export type WebSocketPeer = {
  send(payload: Buffer): void;
  end(): void;
};

const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const [binary, close] = [2, 8];

/** Answers the request to upgrade; what arrives goes to `receive`. */
export const acceptWebSocket = (
  request: IncomingMessage,
  socket: Duplex,
  protocol: string,
  receive: (payload: Buffer) => void,
): WebSocketPeer => {
  const accept = createHash('sha1')
    .update(`${request.headers['sec-websocket-key'] ?? ''}${magic}`)
    .digest('base64');
  socket.write(
    ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`]
      .concat(`Sec-WebSocket-Protocol: ${protocol}`, '', '')
      .join('\r\n'),
  );
  let waiting = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    waiting = Buffer.concat([waiting, chunk]);
    for (let frame = firstFrame(waiting); frame !== undefined; frame = firstFrame(waiting)) {
      waiting = waiting.subarray(frame.length);
      if (frame.opcode === binary) receive(frame.payload);
      if (frame.opcode === close) socket.end();
    }
  });
  socket.on('error', () => socket.destroy());
  return {
    send: (payload) => void socket.write(Buffer.concat([headOf(binary, payload.length), payload])),
    end: () => void socket.end(headOf(close, 0)),
  };
};

const headOf = (opcode: number, length: number): Buffer => {
  const head = Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeBigUInt64BE(BigInt(length), 2);
  return length < 126 ? Buffer.from([0x80 | opcode, length]) : head;
};

type Frame = { readonly opcode: number; readonly payload: Buffer; readonly length: number };

/** A client's frames are masked. */
const firstFrame = (bytes: Buffer): Frame | undefined => {
  const [first = 0, second = 0] = bytes;
  const short = second & 0x7f;
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + extra + 4;
  if (bytes.length < start) return undefined;
  const size = extra === 0 ? short : extra === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < start + size) return undefined;
  const mask = bytes.subarray(2 + extra, start);
  const payload = Buffer.from(bytes.subarray(start, start + size).map((byte, n) => byte ^ mask[n % 4]!));
  return { opcode: first & 0x0f, payload, length: start + size };
};
