import type { Step } from '../step';
import {
  auroraLog,
  auroraUpgrade,
  dataApi,
  egress,
  iamLogin,
  instanceLog,
  interfacesReleased,
} from './database';
import { cancelled, lateFailure, noRollback } from './deployments';
import { engineParameters } from './engine-parameters';
import { filterPatterns } from './filter-patterns';
import { mapDenied, mapResults, rightsAtOnce } from './fleet-runs';
import { describeAlarms, runtimeRoots } from './inside';
import { mapStopped } from './map-stopped';
import { metricFilterLimit, metricFilters } from './metric-filters';

/** In the order in which they run. */
export const STEPS: readonly Step[] = [
  filterPatterns,
  engineParameters,
  metricFilters,
  metricFilterLimit,
  describeAlarms,
  runtimeRoots,
  mapStopped,
  mapResults,
  mapDenied,
  rightsAtOnce,
  lateFailure,
  cancelled,
  noRollback,
  iamLogin,
  egress,
  instanceLog,
  interfacesReleased,
  dataApi,
  auroraLog,
  auroraUpgrade,
];
