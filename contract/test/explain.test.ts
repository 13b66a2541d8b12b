/** What `kubectl explain` reads of a real API server: something about every field of the three kinds. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { apiVersion, type Kind, kinds } from '@offloader/contract';
import { applyCrds, callsTo, until } from './support/api-calls.ts';
import { type ApiServer, startApiServer } from './support/api-server.ts';

const server = await startApiServer();
const there = 'unavailable' in server ? describe.skip : describe;
type Schema = {
  readonly description?: string;
  readonly properties?: Record<string, Schema>;
  readonly items?: Schema;
  readonly allOf?: object;
};

there('kubectl explain', () => {
  const call = 'unavailable' in server ? undefined! : callsTo(server);
  let schemas: Readonly<Record<string, Schema>> = {};
  beforeAll(async () => {
    await applyCrds(call);
    await until('the schemas to be published', async () => {
      const { body } = await call('GET', `/openapi/v3/apis/${apiVersion}`);
      schemas = body?.components?.schemas ?? {};
      return Object.keys(kinds).every((kind) => schemas[`dev.offloader.v1alpha1.${kind}`] !== undefined);
    });
  });
  afterAll(() => (server as ApiServer).stop());

  /** Fields about which nothing is said; members of lists of texts have nothing of their own. */
  const silent = (schema: Schema, path: string): readonly string[] =>
    Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
      ...((field.description ?? '').length > 2 ? [] : [`${path}.${name}`]),
      ...silent(field, `${path}.${name}`),
      ...silent(field.items ?? {}, `${path}.${name}[]`),
    ]);

  test.each(Object.keys(kinds) as Kind[])('says what %s is, and what each of its fields is', (kind) => {
    const schema = schemas[`dev.offloader.v1alpha1.${kind}`]!;
    expect(schema.description).toMatch(new RegExp(`^An? ${kind} (says|is) `));
    expect(Object.keys(schema.properties ?? {})).toEqual(expect.arrayContaining(['metadata', 'spec', 'status']));
    expect(silent(schema, kind)).toEqual([]);
  });
});
