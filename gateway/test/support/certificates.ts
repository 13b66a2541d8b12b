// Certificates of an authority of the tests' own.
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

export type Certificate = { readonly key: string; readonly cert: string; readonly ca: string; readonly caFile: string };

/** A new authority, and a certificate of it for these hosts. */
export const certify = async (folder: string, hosts: readonly string[]): Promise<Certificate> => {
  const cwd = await mkdtemp(join(folder, 'tls-'));
  const run = (line: string): unknown => execFileSync('openssl', line.split(' '), { cwd, stdio: 'ignore' });
  const names = hosts.map((host) => `DNS:${host}`).join(',');
  run('req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=tests');
  run(`req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key -out csr -subj /CN=tests -addext subjectAltName=${names}`);
  run('x509 -req -in csr -CA ca.crt -CAkey ca.key -CAcreateserial -out crt -days 2 -copy_extensions copy');
  const [key, cert, ca] = await Promise.all(['key', 'crt', 'ca.crt'].map(async (name) => readFile(join(cwd, name), 'utf8')));
  return { key: key!, cert: cert!, ca: ca!, caFile: join(cwd, 'ca.crt') };
};

/** Has this process trust an authority as it does those in NODE_EXTRA_CA_CERTS; the answer takes it back. */
export const trust = ({ ca }: Certificate): (() => void) => {
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, ca]);
  return () => setDefaultCACertificates(before);
};
