// Requests as no client library sends them.
import { connect } from 'node:net';

/** Sends these bytes to a port of this machine; the answer as it came, when the connection has ended. */
export const rawAnswer = async (port: number, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    // Who is refused before all was read of what it sends may be reset behind the answer.
    socket.on('error', (error) => answer === '' && reject(error));
    socket.on('close', () => resolve(answer));
  });

/** A request without a body that asks for the connection's end. */
export const rawRequest = (line: string, ...headers: readonly string[]): string =>
  [line, 'Host: x', 'Connection: close', ...headers, '', ''].join('\r\n');
