import { Annotations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { refuse } from '../validation/check';
import { fleetNumbers, type Planned } from './plan';
import type { SchemaFleetProps } from './schema-fleet-props';

/** What a fleet's numbers come to, and what a person should think over. @param totalS `totalTimeout` */
export function sayNumbers(
  fleet: Construct,
  props: SchemaFleetProps,
  planned: Planned,
  totalS: number,
): void {
  const { fits, text } = fleetNumbers(props, planned, totalS);
  if (fits) Annotations.of(fleet).addInfo(text);
  else Annotations.of(fleet).addWarningV2('trueup:fleetTime', text);
  const { tolerated } = planned.plan;
  if (tolerated > 0)
    Annotations.of(fleet).addWarningV2(
      'trueup:fleetTolerated',
      `tolerated is ${tolerated}: what depends on this fleet is updated while up to ${tolerated} tenants are behind. Their application must be able to live with that.`,
    );
  if (planned.plan.waitFor === 'canary' && props.alarms === undefined)
    Annotations.of(fleet).addWarningV2(
      'trueup:fleetUnwatched',
      "waitFor is 'canary' and nobody is told how the other waves end. Give `alarms`.",
    );
  if (planned.plan.canaries.length > (props.expectedTargets ?? Number.POSITIVE_INFINITY))
    refuse(fleet, 'canary names more targets than expectedTargets says there are');
}
