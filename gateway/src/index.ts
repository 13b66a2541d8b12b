/** The one door of the gateway. */
export { startGateway, type Gateway, type StartOptions } from './serve.ts';
export { runGateway } from './run-gateway.ts';
export { parseSettings, settingsTable } from './settings.ts';
export type { Settings } from './domain/settings.ts';
export { readManifests, type ReadManifests } from './bundle-source/manifests.ts';
export { incidentsOf, type Signals } from './domain/incidents.ts';
