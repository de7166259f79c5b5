import { describeModel } from './model.contract.ts';
import { models } from './index.ts';

for (const [name, entry] of Object.entries(models)) describeModel(name, entry);
