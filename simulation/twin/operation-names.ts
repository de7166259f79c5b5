/**
 * Every operation that the twin plays, of all its services: what a fault may name.
 */
import { metricOperationNames, type MetricOperationName } from './metric-operations.ts';
import { queueOperationNames, type QueueOperationName } from './queue-operations.ts';
import { lambdaOperationNames, type LambdaOperationName } from './routes.ts';
import { scalingOperationNames, type ScalingOperationName } from './scaling-operations.ts';
import { schedulerOperationNames, type SchedulerOperationName } from './scheduler-routes.ts';
import { tableOperationNames, type TableOperationName } from './table-operations.ts';

export type OperationName =
  | LambdaOperationName
  | SchedulerOperationName
  | ScalingOperationName
  | MetricOperationName
  | TableOperationName
  | QueueOperationName;

export const operationNames: readonly OperationName[] = [
  ...lambdaOperationNames,
  ...schedulerOperationNames,
  ...scalingOperationNames,
  ...metricOperationNames,
  ...tableOperationNames,
  ...queueOperationNames,
];
