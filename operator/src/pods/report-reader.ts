/** Asks a gateway pod for its Report, by IP and with the admin token; needs no DNS and follows no redirect. */
import { isIP } from 'node:net';
import { err, ok } from '@offloader/contract';
import type { CacheVolume, Report, Result } from '@offloader/contract';
import type { ReportReader } from '../controllers/ports.ts';

export type ReportReaderOptions = { readonly port: number; readonly adminToken: string; readonly version: string };

/** A pod that takes longer is treated as one that cannot be reached. */
const timeoutMs = 3000;

/** The ReportReader over HTTP. */
export const createReportReader = ({ port, adminToken, version }: ReportReaderOptions): ReportReader => ({
  read: async (ip) => {
    const host = isIP(ip) === 6 ? `[${ip}]` : ip;
    try {
      const response = await fetch(`http://${host}:${String(port)}/diagnostics`, {
        headers: { authorization: `Bearer ${adminToken}`, 'user-agent': `offloader-operator/${version}`, accept: 'application/json' },
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (!response.ok) {
        await response.body?.cancel();
        return err(
          `answered ${String(response.status)}${response.status === 401 ? ': its admin token is another than the operator’s' : ''}`,
        );
      }
      return parseReport(await response.json());
    } catch (error) {
      return err(error instanceof Error && error.name === 'TimeoutError' ? 'no answer in time' : 'cannot be reached');
    }
  },
});

/** Checks the parts that decide something; a gateway that is not up yet answers with something smaller. */
const parseReport = (raw: unknown): Result<Report, string> => {
  const report = raw as Partial<Report> | null;
  if (typeof report !== 'object' || report === null || typeof report.config_sync !== 'object' || !Array.isArray(report.datasets)) {
    return err('answered with something other than a report');
  }
  // What an older gateway does not tell yet is taken as in order.
  const cacheVolume: CacheVolume = report.cache_volume ?? { status: 'ok', reason: null, since: null };
  return ok({ ...(report as Report), keys: report.keys ?? [], incidents: report.incidents ?? [], cache_volume: cacheVolume });
};
