/** The entry point of the worker of the direct channel. */

import { beginWorker } from "./sound.worker";

beginWorker(globalThis as unknown as Parameters<typeof beginWorker>[0]);
