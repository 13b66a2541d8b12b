// Loaded into a gateway with --import: SIGUSR2 sets its clock off by the milliseconds that stand in $FAULT_CLOCK.
import { readFileSync } from 'node:fs';

const { FAULT_CLOCK: file = '' } = process.env;
const RealDate = globalThis.Date;
let offsetMs = 0;

class ShiftedDate extends RealDate {
  constructor(...args: [] | [number]) {
    if (args.length === 0) super(RealDate.now() + offsetMs);
    else super(...args);
  }
  static override now(): number {
    return RealDate.now() + offsetMs;
  }
}
globalThis.Date = ShiftedDate as unknown as DateConstructor;
process.on('SIGUSR2', () => {
  offsetMs = Number(readFileSync(file, 'utf8'));
});
