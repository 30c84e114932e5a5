// Which file runs in the worker of a model? This one, unless the user has one with layers of their own.

import { serveModels } from "./serveModels.ts";

void serveModels();
