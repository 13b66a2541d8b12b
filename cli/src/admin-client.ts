/** Reads a gateway's admin port. Every call ends within five seconds; the token is sent and never shown. */
import { err, ok } from '@offloader/contract';
import type { Report, Result } from '@offloader/contract';

/** Long enough for a busy gateway, short enough for the person who waits. */
export const callTimeoutMs = 5_000;

export type Answer = { readonly status: number; readonly text: string };

/** One GET; the error says in words why there was no answer. */
export const get = async (url: string, headers: Readonly<Record<string, string>> = {}): Promise<Result<Answer, string>> => {
  try {
    const response = await fetch(url, { headers: { ...headers }, signal: AbortSignal.timeout(callTimeoutMs) });
    return ok({ status: response.status, text: await response.text() });
  } catch (error) {
    return err(`${withoutQuery(url)}: ${reason(error)}`);
  }
};

/** A path of the admin port, whatever slash its URL ends with. */
export const adminUrl = (base: string, path: string): string => `${base.replace(/\/+$/, '')}${path}`;

/** GET of an admin path with the admin token. */
export const getAdmin = (base: string, path: string, token: string | undefined): Promise<Result<Answer, string>> =>
  get(adminUrl(base, path), token === undefined ? {} : { authorization: `Bearer ${token}` });

/** Why there is no report; `isSilent`: whoever was asked said nothing at all. */
export type NoReport = { readonly why: string; readonly isSilent: boolean };
const spoke = (why: string) => err({ why, isSilent: false });

/** The gateway's own report, or why there is none. */
export const readReport = async (base: string, token: string | undefined): Promise<Result<Report, NoReport>> => {
  const answer = await getAdmin(base, '/diagnostics', token);
  if (!answer.ok) return err({ why: answer.error, isSilent: true });
  const { status, text } = answer.value;
  if (status === 401) return spoke('/diagnostics: 401, the admin token is missing or wrong (--admin-token or OFFLOADER_ADMIN_TOKEN)');
  if (status !== 200) return spoke(`/diagnostics: ${status}`);
  try {
    return ok(JSON.parse(text) as Report);
  } catch {
    return spoke('/diagnostics: the answer is not JSON; is this the admin port?');
  }
};

const withoutQuery = (url: string): string => url.replace(/[?#].*$/, '').replace(/\/\/[^/@]*@/, '//');

const told: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; is the gateway running, and is this its port?',
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'the name of the host cannot be looked up',
};

const reason = (error: unknown): string => {
  const { name, cause } = error as { name?: unknown; cause?: { code?: unknown } };
  if (name === 'TimeoutError') return `no answer within ${callTimeoutMs / 1000} s`;
  const code = cause?.code;
  return typeof code === 'string' ? (told[code] ?? `no answer (${code})`) : 'no answer';
};
