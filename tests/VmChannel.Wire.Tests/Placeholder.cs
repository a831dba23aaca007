namespace VmChannel.Wire.Tests;
