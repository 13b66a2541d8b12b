/** The gateway process: reads the environment, runs until SIGTERM. In an image it is the entry point. */
import { runGateway } from './run-gateway.ts';

await runGateway(process.env, { waitsForMount: true });
