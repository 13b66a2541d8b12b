/** The door of the operator: what starts it, and what it may do. */
export { startOperator } from './operator.ts';
export type { OperatorOptions, RunningOperator } from './operator.ts';
export { parseSettings, settingsTable } from './settings.ts';
export type { OperatorSettings } from './settings.ts';
export { clusterPermissions, permissions, volumePermissions } from './kubernetes/permissions.ts';
export type { Permission } from './kubernetes/permissions.ts';
