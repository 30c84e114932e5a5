// At which places of the machine's table are the kernels of users?

import { linkError, userKernels } from "./kernelModules.ts";
import { installKernel, type KernelHost, type PlacedKernel, type UserKernel } from "./kernelTable.ts";

/** The kernels of users in the table of one machine, behind the machine's own functions. */
export class KernelPlaces {
  private readonly host: KernelHost;
  private readonly first: number;
  private count = 0;

  /** Installs all kernels that are defined. */
  constructor(host: KernelHost) {
    this.host = host;
    this.first = host.table.length;
    this.install();
  }

  /** How many are installed. */
  get installed(): number {
    return this.count;
  }

  /** All that are defined, each with its place. A thread that installs them has the same table. */
  get all(): readonly PlacedKernel[] {
    return userKernels().map((kernel, position) => ({ ...kernel, index: this.first + position }));
  }

  /** The place of `kernel`; it is installed when it is not there yet. @throws {TensorError} `option`. */
  of(kernel: UserKernel): number {
    const position = userKernels().indexOf(kernel);
    if (position >= this.count) this.install();
    return this.first + position;
  }

  private install(): void {
    for (const kernel of this.all.slice(this.count)) {
      try {
        installKernel(this.host, kernel);
      } catch (cause) {
        throw linkError(kernel.name, cause);
      }
      this.count++;
    }
  }
}
