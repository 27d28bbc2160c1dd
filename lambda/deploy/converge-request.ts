/** Converts CloudFormation's event to a request to the engine. Pure. */
import type { ConvergeRequest, FailedDeployment, StackOwner } from '../contract/converge';
import { type DeployRequest, readOldProperties } from '../contract/custom-resource';
import type { Classification, FailedAttempt } from './classify-request';
import type { IsCompleteRequest } from './events';

/** @param stackId `arn:aws:cloudformation:<region>:<account>:stack/<name>/<uuid>` */
export function parseStackOwner(stackId: string, stackName: string | null = null): StackOwner {
  const [, , , region = '', account = '', resource = ''] = stackId.split(':');
  return { account, region, stackName: stackName ?? resource.split('/')[1] ?? '' };
}

export function buildConvergeRequest(
  event: IsCompleteRequest,
  properties: DeployRequest,
  classified: Pick<Classification, 'direction' | 'failed'>,
): ConvergeRequest {
  return {
    id: event.RequestId,
    startedAt: event.StartedAt,
    namespace: properties.namespace,
    owner: parseStackOwner(event.StackId, properties.owner),
    otherNamespaces: properties.otherNamespaces,
    formerNamespace: readOldProperties(event.OldResourceProperties)?.namespace ?? null,
    adopt: properties.adopt,
    direction: classified.direction,
    manifestHash: properties.manifestHash,
    workload: properties.workload,
    failed: findFailedDeployment(event, properties, classified.failed),
    rollbackAfterSuccess: properties.rollbackAfterSuccess,
    remove: event.RequestType === 'Delete',
    ownerRole: properties.ownerRole,
    baseline: properties.baseline,
  };
}

/**
 * Returns null if the failed deployment was about another database or namespace: what it did there cannot be undone
 * from here, and is kept.
 */
function findFailedDeployment(
  event: IsCompleteRequest,
  properties: DeployRequest,
  failed: FailedAttempt | null,
): FailedDeployment | null {
  if (failed === null) return null;
  if (event.RequestType === 'Delete') {
    return { ...failed, manifestHash: properties.manifestHash };
  }
  const deployed = readOldProperties(event.OldResourceProperties);
  if (deployed?.target !== properties.target || deployed.namespace !== properties.namespace) return null;
  return { ...failed, manifestHash: deployed.manifestHash };
}
