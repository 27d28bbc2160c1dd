/** The statements that install the planning functions in schema `trueup`. */
import { BY_PLACE_FUNCTION } from './places';
import { PLAN_FUNCTION_SQL } from './plan-function';
import { COMPARISON_FUNCTIONS_SQL } from './worse';

export const PLANNING_FUNCTIONS_SQL: readonly string[] = [
  BY_PLACE_FUNCTION,
  PLAN_FUNCTION_SQL,
  ...COMPARISON_FUNCTIONS_SQL,
];
