/** A service beside what is tried: it comes up, or does not where the context says `service=fails`. */
import { CustomResource, type Stack } from 'aws-cdk-lib';
import { Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import type { IDependable } from 'constructs';

export function addService(stack: Stack, after: IDependable): void {
  const handler = new LambdaFunction(stack, 'ServiceHandler', {
    runtime: Runtime.NODEJS_22_X,
    handler: 'index.handler',
    code: Code.fromInline(`
exports.handler = (event) => fetch(event.ResponseURL, { method: 'PUT', body: JSON.stringify({
  Status: event.RequestType !== 'Delete' && event.ResourceProperties.version === 'fails' ? 'FAILED' : 'SUCCESS',
  Reason: 'the service does not come up', PhysicalResourceId: 'service', StackId: event.StackId,
  RequestId: event.RequestId, LogicalResourceId: event.LogicalResourceId }) });`),
  });
  const service = new CustomResource(stack, 'Service', {
    serviceToken: handler.functionArn,
    properties: { version: stack.node.tryGetContext('service') ?? '1' },
  });
  service.node.addDependency(after);
}
