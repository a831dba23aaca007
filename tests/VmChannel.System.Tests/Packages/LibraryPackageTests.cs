using System.IO.Compression;
using System.Net.Sockets;
using VmChannel.SystemTests.Rig;

namespace VmChannel.SystemTests.Packages;

/// <summary>VmChannel.Guest as somebody else's program gets it: from the package alone.</summary>
public sealed class LibraryPackageTests
{
    private const string Name = "com.example.consumer";

    [Fact]
    public void Package_ForCompilers_HasThePublicApiAlone()
    {
        using ZipArchive package = ZipFile.OpenRead(PackedFiles.Library("VmChannel.Guest"));
        string[] names = [.. package.Entries.Select(entry => entry.FullName)];
        Assert.Equal(["ref/net10.0/VmChannel.Guest.dll", "ref/net10.0/VmChannel.Guest.xml"], names.Where(name => name.StartsWith("ref/", StringComparison.Ordinal)).Order());
        Assert.Equal(
            ["lib/net10.0/VmChannel.Guest.dll", "lib/net10.0/VmChannel.Native.dll", "lib/net10.0/VmChannel.Wire.dll"],
            names.Where(name => name.StartsWith("lib/", StringComparison.Ordinal) && name.EndsWith(".dll", StringComparison.Ordinal)).Order());
        Assert.Contains("README.md", names);
    }

    [Fact]
    public async Task Program_WithThePackageAlone_ExchangesBytes()
    {
        using TestFolder folder = new();
        string package = PackedFiles.Library("VmChannel.Guest");
        string version = Path.GetFileNameWithoutExtension(package)["VmChannel.Guest.".Length..];
        Write("consumer.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <RestorePackagesPath>packages</RestorePackagesPath>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="VmChannel.Guest" Version="{version}" />
              </ItemGroup>
            </Project>
            """);
        Write("nuget.config", $"""
            <configuration>
              <packageSources>
                <clear />
                <add key="packed" value="{Path.GetDirectoryName(package)}" />
              </packageSources>
            </configuration>
            """);
        Write("Program.cs", $"""
            await using VmChannel.Guest.ChannelStream channel = await VmChannel.Guest.VmChannels.OpenAsync("{Name}");
            byte[] buffer = new byte[4];
            await channel.ReadExactlyAsync(buffer);
            await channel.WriteAsync(buffer);
            """);
        await using HostProcess build = HostProcess.Start(
            ["dotnet", "build", folder.File("consumer.csproj"), "-v", "quiet", "-p:UseSharedCompilation=false", "-o", folder.File("out")],
            start => start.WorkingDirectory = folder.Root);
        Assert.True(await build.Ended.WaitAsync(Patience.Long, TestContext.Current.CancellationToken) == 0, build.Output.ToString());

        Directory.CreateDirectory(folder.File("channels"));
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder.File("channels"), Name)));
        listener.Listen();
        await using HostProcess program = HostProcess.Start(
            ["dotnet", folder.File("out/consumer.dll")], start => start.Environment["VMCHANNEL_DIR"] = folder.File("channels"));
        using ChannelClient client = ChannelClient.Of(await listener.AcceptAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience.Short, TestContext.Current.CancellationToken));
        await client.SendAsync("ping");
        await client.ExpectAsync("ping");
        Assert.Equal(0, await program.Ended.WaitAsync(Patience.Short, TestContext.Current.CancellationToken));

        void Write(string name, string text) => File.WriteAllText(folder.File(name), text);
    }
}
