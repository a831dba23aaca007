namespace VmChannel.Device.Tests;
