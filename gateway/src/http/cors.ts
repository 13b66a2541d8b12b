/** Cross-origin headers: off, for all, or for a list of origins. */
import type { RequestHandler } from 'express';
import { exposedHeaders } from '../domain/answer-headers.ts';

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
const exposed = { 'Access-Control-Expose-Headers': exposedHeaders.join(', ') };

/** Headers of every answer, whoever asks: for all, or that it varies by Origin. */
export const originlessHeaders = (origins: readonly string[]): Readonly<Record<string, string>> => {
  if (origins.length === 0) return {};
  return origins.includes('*') ? { 'Access-Control-Allow-Origin': '*', ...exposed } : { Vary: 'Origin' };
};

/** [] is off; ['*'] answers every origin; a list echoes its members and varies by Origin whatever was sent. Preflights are answered before auth. */
export const cors = (origins: readonly string[]): RequestHandler => {
  const originless = originlessHeaders(origins);
  return (request, response, next) => {
    if (origins.length === 0) return next();
    response.set(originless);
    const origin = request.get('origin');
    const isListed = origin !== undefined && origins.includes(origin);
    if (isListed && !origins.includes('*'))
      response.set({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true', ...exposed });
    if (request.method !== 'OPTIONS') return next();
    const isAllowed = isListed || origins.includes('*');
    response
      .status(204)
      .set(isAllowed ? (request.path === '/mcp' ? mcpPreflight : preflight) : {})
      .end();
  };
};
