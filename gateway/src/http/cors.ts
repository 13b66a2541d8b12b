/** Cross-origin headers: off, for all, or for a list of origins. */
import type { RequestHandler } from 'express';

const preflight = {
  'Access-Control-Allow-Methods': 'GET, OPTIONS',
  'Access-Control-Allow-Headers': 'authorization, content-type, if-none-match',
  'Access-Control-Max-Age': '600',
};
/** The tools are asked by POST, with headers of their protocol. */
const mcpPreflight = {
  ...preflight,
  'Access-Control-Allow-Methods': 'POST, OPTIONS',
  'Access-Control-Allow-Headers': 'authorization, content-type, mcp-protocol-version',
};
const exposed = { 'Access-Control-Expose-Headers': 'ETag, x-request-id' };

/** [] is off; ['*'] answers every origin; a list echoes its members and varies by Origin whatever was sent. Preflights are answered before auth. */
export const cors =
  (origins: readonly string[]): RequestHandler =>
  (request, response, next) => {
    if (origins.length === 0) return next();
    const isAll = origins.includes('*');
    const origin = request.get('origin');
    const isAllowed = isAll || (origin !== undefined && origins.includes(origin));
    if (!isAll) response.vary('Origin');
    if (isAll) response.set('Access-Control-Allow-Origin', '*');
    else if (isAllowed) response.set({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true' });
    if (isAllowed) response.set(exposed);
    if (request.method !== 'OPTIONS') return next();
    response
      .status(204)
      .set(isAllowed ? (request.path === '/mcp' ? mcpPreflight : preflight) : {})
      .end();
  };
