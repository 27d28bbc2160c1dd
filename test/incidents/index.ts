import { appointments } from './appointments';
import { channels } from './channels';
import { courses } from './courses';
import type { Incident } from './incident';
import { marketplace } from './marketplace';
import { messaging } from './messaging';

export * from './incident';
export { appointments, channels, courses, marketplace, messaging };

/** The incidents in the order of their documents. */
export const INCIDENTS: readonly Incident[] = [marketplace, channels, courses, messaging, appointments];
