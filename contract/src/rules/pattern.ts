/**
 * The regular expressions of parameters. RE2 runs them, in time that grows with the text and not with its tricks: a backtracking
 * engine can be held for minutes by 32 letters. What is taken must also be ECMAScript, since OpenAPI hands it to clients. Pure.
 */
import { RE2JS } from 're2js';
import { beyondRe2 } from '../resources/endpoint.ts';

/** A longer text is not matched: time is the product of both, and no parameter of bearable form comes near. */
export const maxMatchedLength = 1000;
/** RE2 writes a repetition out, so that `[a-z]{0,1000}` makes 2,000 instructions; lengths are for minLength and maxLength. */
const maxInstructions = 2100;

const isEcmaScript = (text: string): boolean => {
  try {
    return new RegExp(text, 'u') instanceof RegExp;
  } catch {
    return false;
  }
};

const compilePattern = (text: string): RE2JS | null => {
  if (new RegExp(beyondRe2).test(text) || !isEcmaScript(text)) return null;
  try {
    const compiled = RE2JS.compile(text);
    return compiled.programSize() <= maxInstructions ? compiled : null;
  } catch {
    return null;
  }
};

const compiled = new Map<string, RE2JS | null>();
/** Patterns come of configurations: many more than are in use at once are those of past ones. */
const maxCompiled = 10_000;

const compiledOf = (text: string): RE2JS | null => {
  const known = compiled.get(text);
  if (known !== undefined) return known;
  if (compiled.size >= maxCompiled) compiled.clear();
  const made = compilePattern(text);
  compiled.set(text, made);
  return made;
};

/** Whether it is a pattern that a parameter may have. */
export const isPattern = (pattern: string): boolean => compiledOf(pattern) !== null;

/** How many characters a text has, as JSON Schema and CEL count: an emoji is one. */
export const lengthOf = (text: string): number => Array.from(text).length;

/** Whether the pattern is found in the text; never, when either is beyond what is bearable. */
export const matchesPattern = (pattern: string, text: string): boolean =>
  text.length <= 2 * maxMatchedLength && lengthOf(text) <= maxMatchedLength && compiledOf(pattern)?.test(text) === true;
