/** Kubernetes events. */
import { randomBytes } from 'node:crypto';
import type { EventNote } from '../domain/events.ts';
import type { ApiClient } from './client.ts';
import { pathOf, resourceTypes } from './resource-type.ts';

const component = 'offloader-operator';
/** The API server refuses longer messages. */
const maxMessage = 1024;

/** Records one event on its subject. */
export const emitEvent = async (client: ApiClient, namespace: string, pod: string, note: EventNote): Promise<void> => {
  const { apiVersion, kind, metadata } = note.subject;
  const now = new Date().toISOString();
  const body = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${metadata.name.slice(0, 200)}.${randomBytes(8).toString('hex')}`, namespace },
    involvedObject: { apiVersion, kind, name: metadata.name, namespace, ...(metadata.uid === undefined ? {} : { uid: metadata.uid }) },
    type: note.type,
    reason: note.reason,
    message: note.message.slice(0, maxMessage),
    source: { component, host: pod },
    reportingComponent: component,
    reportingInstance: pod,
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
  await client.request({ method: 'POST', path: pathOf(resourceTypes.Event, namespace), body });
};
