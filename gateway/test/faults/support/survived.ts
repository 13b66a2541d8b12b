/** One line that says how many of the faults that were made a gateway got over. */
export const tellSurvived = (survived: number, made: number, what: string): void =>
  void process.stderr.write(`faults survived: ${survived}/${made} (${what})\n`);
