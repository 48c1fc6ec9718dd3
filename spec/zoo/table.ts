/**
 * How many parameters each architecture has, and where that number is published: what docs/zoo.md shows. Trained ones,
 * as PyTorch counts; statistics are those of batch normalisation, which Keras counts too.
 */
import * as L from '../../src/layer/Layer.ts';
import type { Model } from '../../src/model/Model.ts';
import * as Zoo from '../../src/zoo/Zoo.ts';

export interface Entry {
  readonly name: keyof typeof Zoo;
  /** Options where they are not the defaults, as they stand in the table. */
  readonly options: string;
  readonly model: Model<never, unknown>;
  readonly trained: number;
  readonly statistics: number;
  readonly source: string;
}

const tv = (name: string) => `torchvision \`${name}\``;
const keras = (name: string) => `Keras \`${name}\``;

/** Any model: a model's type says more than is needed here. */
const row = (
  name: keyof typeof Zoo,
  model: unknown,
  trained: number,
  statistics: number,
  source: string,
  options = '',
): Entry => ({ name, options, model: model as Model<never, unknown>, trained, statistics, source });

const images = L.input([3, 224, 224]);
const cifar = L.input([3, 32, 32]);
const sentence = L.tokens(['seq']);
const bn = { batchNorm: true } as const;
const text = { vocabulary: 20000, classes: 2 } as const;
const textOptions = 'vocabulary: 20000, classes: 2';

export const table: readonly Entry[] = [
  row('lenet', L.model(L.input([1, 32, 32]), Zoo.lenet()), 61_706, 0, 'LeCun et al. 1998, fully connected'),
  row('alexnet', L.model(images, Zoo.alexnet()), 61_100_840, 0, tv('alexnet')),
  row('vgg11', L.model(images, Zoo.vgg11()), 132_863_336, 0, tv('vgg11')),
  row('vgg11', L.model(images, Zoo.vgg11(bn)), 132_868_840, 5_504, tv('vgg11_bn'), 'batchNorm: true'),
  row('vgg13', L.model(images, Zoo.vgg13()), 133_047_848, 0, tv('vgg13')),
  row('vgg13', L.model(images, Zoo.vgg13(bn)), 133_053_736, 5_888, tv('vgg13_bn'), 'batchNorm: true'),
  row('vgg16', L.model(images, Zoo.vgg16()), 138_357_544, 0, `${tv('vgg16')}, ${keras('VGG16')}`),
  row('vgg16', L.model(images, Zoo.vgg16(bn)), 138_365_992, 8_448, tv('vgg16_bn'), 'batchNorm: true'),
  row('vgg19', L.model(images, Zoo.vgg19()), 143_667_240, 0, `${tv('vgg19')}, ${keras('VGG19')}`),
  row('vgg19', L.model(images, Zoo.vgg19(bn)), 143_678_248, 11_008, tv('vgg19_bn'), 'batchNorm: true'),
  row('resnet18', L.model(images, Zoo.resnet18()), 11_689_512, 9_600, tv('resnet18')),
  row('resnet34', L.model(images, Zoo.resnet34()), 21_797_672, 17_024, tv('resnet34')),
  row('resnet50', L.model(images, Zoo.resnet50()), 25_557_032, 53_120, tv('resnet50')),
  row('resnet101', L.model(images, Zoo.resnet101()), 44_549_160, 105_344, tv('resnet101')),
  row('resnet152', L.model(images, Zoo.resnet152()), 60_192_808, 151_424, tv('resnet152')),
  row('wideResnet50', L.model(images, Zoo.wideResnet50()), 68_883_240, 68_224, tv('wide_resnet50_2')),
  row('resnet50V2', L.model(images, Zoo.resnet50V2()), 25_568_360, 45_440, keras('ResNet50V2')),
  row('resnet101V2', L.model(images, Zoo.resnet101V2()), 44_577_896, 97_664, keras('ResNet101V2')),
  row('resnet152V2', L.model(images, Zoo.resnet152V2()), 60_236_904, 143_744, keras('ResNet152V2')),
  row('cifarResnet20', L.model(cifar, Zoo.cifarResnet20()), 269_722, 1_376, 'He et al. 2016: 0.27 million'),
  row('cifarResnet32', L.model(cifar, Zoo.cifarResnet32()), 464_154, 2_272, 'He et al. 2016: 0.46 million'),
  row('cifarResnet56', L.model(cifar, Zoo.cifarResnet56()), 853_018, 4_064, 'He et al. 2016: 0.85 million'),
  row('cifarResnet110', L.model(cifar, Zoo.cifarResnet110()), 1_727_962, 8_096, 'He et al. 2016: 1.7 million'),
  row('wideResnet', L.model(cifar, Zoo.wideResnet()), 36_479_194, 17_952, 'Zagoruyko and Komodakis 2016: 36.5 million'),
  row('mobilenet', L.model(images, Zoo.mobilenet()), 4_231_976, 21_888, keras('MobileNet')),
  row(
    'mobilenetV2',
    L.model(images, Zoo.mobilenetV2()),
    3_504_872,
    34_112,
    `${tv('mobilenet_v2')}, ${keras('MobileNetV2')}`,
  ),
  row('mobilenetV3Small', L.model(images, Zoo.mobilenetV3Small()), 2_542_856, 12_112, tv('mobilenet_v3_small')),
  row('mobilenetV3Large', L.model(images, Zoo.mobilenetV3Large()), 5_483_032, 24_400, tv('mobilenet_v3_large')),
  row('efficientnetB0', L.model(images, Zoo.efficientnetB0()), 5_288_548, 42_016, tv('efficientnet_b0')),
  row(
    'densenet121',
    L.model(images, Zoo.densenet121()),
    7_978_856,
    83_648,
    `${tv('densenet121')}, ${keras('DenseNet121')}`,
  ),
  row(
    'densenet169',
    L.model(images, Zoo.densenet169()),
    14_149_480,
    158_400,
    `${tv('densenet169')}, ${keras('DenseNet169')}`,
  ),
  row(
    'densenet201',
    L.model(images, Zoo.densenet201()),
    20_013_928,
    229_056,
    `${tv('densenet201')}, ${keras('DenseNet201')}`,
  ),
  row('squeezenet', L.model(images, Zoo.squeezenet()), 1_248_424, 0, tv('squeezenet1_0')),
  row('squeezenet11', L.model(images, Zoo.squeezenet11()), 1_235_496, 0, tv('squeezenet1_1')),
  row('googlenet', L.model(images, Zoo.googlenet()), 6_624_904, 14_560, tv('googlenet')),
  row(
    'inceptionV3',
    L.model(L.input([3, 299, 299]), Zoo.inceptionV3()),
    23_834_568,
    34_432,
    `${tv('inception_v3')} without its auxiliary classifier`,
  ),
  row('unet', L.model(L.input([3, 224, 224]), Zoo.unet()), 31_031_745, 0, 'formula'),
  row(
    'unetValid',
    L.model(L.input([1, 572, 572]), Zoo.unetValid({ classes: 2 })),
    31_030_658,
    0,
    'formula',
    'classes: 2',
  ),
  row(
    'convnextTiny',
    L.model(images, Zoo.convnextTiny()),
    28_589_128,
    0,
    `${tv('convnext_tiny')}, ${keras('ConvNeXtTiny')}`,
  ),
  row('vitB16', L.model(images, Zoo.vitB16()), 86_567_656, 0, tv('vit_b_16')),
  row('vitS16', L.model(images, Zoo.vitS16()), 22_050_664, 0, 'timm `deit_small_patch16_224`'),
  row('vitTi16', L.model(images, Zoo.vitTi16()), 5_717_416, 0, 'timm `deit_tiny_patch16_224`'),
  row('mixerS16', L.model(images, Zoo.mixerS16()), 18_528_264, 0, 'timm `mixer_s16_224`'),
  row('mixerB16', L.model(images, Zoo.mixerB16()), 59_880_472, 0, 'timm `mixer_b16_224`'),
  row('textCnn', L.model(L.tokens([56]), Zoo.textCnn(text)), 6_360_902, 0, 'formula', textOptions),
  row('lstmClassifier', L.model(sentence, Zoo.lstmClassifier(text)), 2_659_074, 0, 'formula', textOptions),
  row(
    'transformerClassifier',
    L.model(sentence, Zoo.transformerClassifier(text)),
    1_380_098,
    0,
    'formula',
    textOptions,
  ),
  row('gptNano', L.model(sentence, Zoo.gptNano()), 2_546_400, 0, 'formula'),
  row('gpt2Small', L.model(sentence, Zoo.gpt2Small()), 124_439_808, 0, 'Hugging Face `gpt2`'),
  row('resnetMlp', L.model(L.input([54]), Zoo.resnetMlp({ units: 7 })), 309_127, 1_152, 'formula', 'units: 7'),
  row(
    'autoencoder',
    L.model(L.input([784]), Zoo.autoencoder({ features: 784 })),
    209_968,
    0,
    'formula',
    'features: 784',
  ),
  row('vae', L.model(L.input([784]), Zoo.vae({ features: 784 })), 652_824, 0, 'PyTorch example `vae`', 'features: 784'),
];

/** The rows of the table in docs/zoo.md. */
export const tableRows = (): readonly string[] =>
  table.map(({ name, options, model, trained, statistics, source }) => {
    const shape = model.spec.inputs
      .map(({ type }) => ('int' in type ? type.int : type).slice(1).join(' x '))
      .join(', ');
    const call = options === '' ? `\`${name}\`` : `\`${name}({ ${options} })\``;
    return `| ${call} | ${shape} | ${trained.toLocaleString('en')} | ${statistics.toLocaleString('en')} | ${source} |`;
  });
