/** What is installed in schema `trueup`, one statement each. */
import { PLAN_FUNCTION } from './plan';
import { COMPARISON } from './worse';

export const PLANNING: readonly string[] = [PLAN_FUNCTION, ...COMPARISON];
