/** `offloader endpoint test`: one real call, judged as a consumer would. */
import { Option } from 'commander';
import { get } from '../admin-client.ts';
import { runs } from '../context.ts';
import type { Context, ExitCode } from '../context.ts';
import { httpStatus, httpUrl } from '../option-values.ts';
import type { AddCommand } from '../program.ts';

type Options = { url: string; endpoint: string; key?: string; params?: string; expectStatus: number };
type Envelope = { data?: unknown; meta?: { snapshot_id?: unknown; freshness?: unknown } };

export const addEndpoint: AddCommand = (program, context) => {
  const endpoint = program.command('endpoint').description('served endpoints');
  endpoint
    .command('test')
    .description('call an endpoint; exit 1 when the status or the shape of the answer is not the expected one')
    .requiredOption('--url <url>', "the gateway's API port, such as http://127.0.0.1:4000", httpUrl)
    .requiredOption('--endpoint <name>', 'the name in the URL')
    .addOption(new Option('--key <token>', 'token of an API key').env('OFFLOADER_KEY'))
    .option('--params <query>', "query string, such as 'a=1&b=2'")
    .option('--expect-status <status>', 'the status that is right', httpStatus, 200)
    .action(runs(context, (options: Options) => test(options, context)));
};

const test = async (options: Options, context: Context): Promise<ExitCode> => {
  const query = options.params === undefined || options.params === '' ? '' : `?${options.params}`;
  const url = `${options.url.replace(/\/+$/, '')}/v1/endpoints/${encodeURIComponent(options.endpoint)}${query}`;
  const answer = await get(url, options.key === undefined ? {} : { authorization: `Bearer ${options.key}` });
  if (!answer.ok) {
    context.err(answer.error);
    return 1;
  }
  const { status } = answer.value;
  // Servers that are not ours may repeat what they were sent.
  const text = options.key === undefined ? answer.value.text : answer.value.text.replaceAll(options.key, '[the key]');
  if (status !== options.expectStatus) {
    context.err(`${options.endpoint}: status ${status}, expected ${options.expectStatus}\n${text}`);
    return 1;
  }
  const verdict = status === 200 ? judgeAnswer(text) : { well: true, line: `status ${status} as expected` };
  (verdict.well ? context.out : context.err)(`${options.endpoint}: ${verdict.line}`);
  return verdict.well ? 0 : 1;
};

/** An answer with status 200 names its snapshot and says how fresh it is. Pure. */
export const judgeAnswer = (text: string): { readonly well: boolean; readonly line: string } => {
  const body = parse(text);
  if (body === undefined) return { well: false, line: 'the answer is not JSON' };
  if (typeof body.meta?.snapshot_id !== 'string') return { well: false, line: 'meta.snapshot_id is missing' };
  if (typeof body.meta.freshness !== 'object' || body.meta.freshness === null) return { well: false, line: 'meta.freshness is missing' };
  if (!Array.isArray(body.data)) return { well: false, line: 'data is not a list' };
  return { well: true, line: `status 200, ${body.data.length} rows, snapshot ${body.meta.snapshot_id}` };
};

const parse = (text: string): Envelope | undefined => {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? body : undefined;
  } catch {
    return undefined;
  }
};
