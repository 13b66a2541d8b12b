/** The one door of the contract. */
export * from './result.ts';
export * from './problem.ts';
export * from './names.ts';
export * from './bundle.ts';
export * from './report.ts';
