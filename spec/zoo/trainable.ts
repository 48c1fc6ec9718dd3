/** Small variants, two classes each, and the size of image that they take. */
import type * as L from '../../src/layer/Layer.ts';
import * as Zoo from '../../src/zoo/Zoo.ts';

/** All that matters of their types here. */
interface ToTwo extends L.Leaf {
  readonly out: ['batch', 2];
}

interface Trainable {
  readonly name: string;
  readonly net: L.Layer<L.Fn>;
  readonly size: number;
  readonly rate?: number;
  readonly epochs?: number;
}

const two = { classes: 2 } as const;
const plain = { ...two, dropout: 0 } as const;

const variants: readonly Trainable[] = [
  { name: 'lenet', net: Zoo.lenet(two), size: 32 },
  { name: 'alexnet', net: Zoo.alexnet({ ...plain, hidden: 32 }), size: 63, rate: 1e-3 },
  { name: 'vgg11', net: Zoo.vgg11({ ...plain, width: 4, hidden: 32, batchNorm: true }), size: 32, epochs: 25 },
  { name: 'vgg19', net: Zoo.vgg19({ ...plain, width: 4, hidden: 32, batchNorm: true }), size: 32, epochs: 40 },
  { name: 'resnet18', net: Zoo.resnet18({ ...two, width: 8 }), size: 32 },
  { name: 'resnet50', net: Zoo.resnet50({ ...two, width: 8 }), size: 32, epochs: 20 },
  { name: 'wideResnet50', net: Zoo.wideResnet50({ ...two, width: 8 }), size: 32 },
  { name: 'resnet50V2', net: Zoo.resnet50V2({ ...two, width: 8 }), size: 32 },
  { name: 'cifarResnet20', net: Zoo.cifarResnet20({ ...two, width: 4 }), size: 16 },
  { name: 'wideResnet', net: Zoo.wideResnet({ ...two, depth: 16, widen: 1, dropout: 0.1 }), size: 16 },
  { name: 'mobilenet', net: Zoo.mobilenet({ ...plain, width: 0.25 }), size: 32 },
  { name: 'mobilenetV2', net: Zoo.mobilenetV2({ ...plain, width: 0.35 }), size: 32, epochs: 15 },
  { name: 'mobilenetV3Small', net: Zoo.mobilenetV3Small({ ...plain, width: 0.5 }), size: 32, epochs: 20 },
  { name: 'mobilenetV3Large', net: Zoo.mobilenetV3Large({ ...plain, width: 0.35 }), size: 32, epochs: 20 },
  { name: 'efficientnetB0', net: Zoo.efficientnetB0({ ...plain, width: 0.5 }), size: 32, rate: 1e-3, epochs: 50 },
  { name: 'densenet121', net: Zoo.densenet121({ ...two, growth: 8 }), size: 32 },
  { name: 'squeezenet11', net: Zoo.squeezenet11(plain), size: 48, rate: 5e-5, epochs: 50 },
  { name: 'googlenet', net: Zoo.googlenet(plain), size: 32 },
  { name: 'inceptionV3', net: Zoo.inceptionV3(plain), size: 75, epochs: 4 },
  {
    name: 'convnextTiny',
    net: Zoo.convnextTiny({ ...two, width: 12, blocks: [1, 1, 2, 1], layerScale: 0.1 }),
    size: 32,
    epochs: 20,
  },
  { name: 'vitTi16', net: Zoo.vitTi16({ ...two, imageSize: 32, layers: 2 }), size: 32, rate: 1e-3 },
  { name: 'mixerS16', net: Zoo.mixerS16({ ...two, imageSize: 32, layers: 1 }), size: 32, rate: 1e-3 },
];

export const trainable = variants.map(({ net, ...rest }) => ({ ...rest, net: net as L.Layer<L.Fn> as L.Layer<ToTwo> }));
