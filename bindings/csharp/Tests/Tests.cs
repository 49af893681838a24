using System;
using System.Diagnostics;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Threading;
using AwqMarlin;

/// <summary>The real thing through the binding: tests.exe FIXTURES DIRECTORY TABLE</summary>
public sealed unsafe class Tests : MarshalByRefObject
{
    const string LayerName = "model.layers.0.mlp.up_proj";
    static string fixtures, directory;
    static int failures, checks;

    static void Expect(bool holds, string what)
    {
        checks++;
        if (holds) return;
        failures++;
        Console.Error.WriteLine("not so: " + what);
    }

    static void Fails(Status expected, string words, Action call)
    {
        try
        {
            call();
            Expect(false, "a call that must give " + expected + " succeeds");
        }
        catch (AwqException e)
        {
            Expect(e.Status == expected, e.Status + " instead of " + expected + ": " + e.Message);
            Expect(e.Message.Contains(words), "\"" + e.Message + "\" says \"" + words + "\"");
        }
    }

    /// <summary>Names and numbers of the header against the types as they are compiled.</summary>
    static void Table(string path)
    {
        var assembly = typeof(Device).Assembly;
        int seen = 0;
        foreach (var line in File.ReadAllLines(path))
        {
            var words = line.Split(' ');
            long number = long.Parse(words[2]), found = -1;
            var names = words[1].Split('.');
            var type = assembly.GetType("AwqMarlin." + names[0]);
            if (words[0] == "number") found = Library.AbiVersion;
            else if (type == null) found = -2;
            else if (words[0] == "enum") found = Convert.ToInt64(Enum.Parse(type, names[1]));
            else if (words[0] == "struct") found = Marshal.SizeOf(type);
            else if (words[0] == "field") found = (long)Marshal.OffsetOf(type, names[1]);
            Expect(found == number, line + ", found " + found);
            seen++;
        }
        Expect(seen > 100, "the table has " + seen + " lines");
    }

    static string Golden { get { return fixtures + "/checkpoint/llama2l_gemm"; } }

    /// <summary>Rows of the golden file as floats.</summary>
    static float[] Halves(awqm_tensor_view view)
    {
        var values = new float[(long)view.bytes / 2];
        for (int i = 0; i < values.Length; i++)
        {
            int bits = Marshal.ReadInt16(view.data, 2 * i) & 0xffff, exponent = (bits >> 10) & 31, fraction = bits & 1023;
            double size = exponent == 0 ? fraction * Math.Pow(2, -24) : (1024 + fraction) * Math.Pow(2, exponent - 25);
            values[i] = (float)((bits & 0x8000) != 0 ? -size : size);
        }
        return values;
    }

    static void Compare(Linear layer)
    {
        using (var golden = Checkpoint.OpenFile(Golden + ".expected.safetensors"))
        {
            var expected = golden.Tensor("y." + LayerName);
            var x = Halves(golden.Tensor("x_k256"));
            var y = new float[2 * 512];
            layer.Run(x, y, 2, new byte[layer.WorkspaceBytes(2, Dtype.F32)]);
            int bad = 0;
            for (int i = 0; i < y.Length; i++)
            {
                double wanted = BitConverter.Int64BitsToDouble(Marshal.ReadInt64(expected.data, 8 * i));
                if (!(Math.Abs(y[i] - wanted) <= 4e-3 * (1 + Math.Abs(wanted)))) bad++;
            }
            Expect(bad == 0, bad + " outputs differ from the reference");
        }
    }

    static void RealThing()
    {
        using (var device = Device.Cpu(2))
        using (var checkpoint = Checkpoint.Open(Golden))
        using (var packed = checkpoint.Load(LayerName))
        using (var marlin = packed.Convert(Layout.Marlin, device))
        using (var layer = Linear.Create(device, marlin))
        {
            Expect(device.Info().backend == Backend.Cpu && device.Info().threads == 2, "the device is a CPU with 2 threads");
            Expect(checkpoint.LayerCount > 10 && checkpoint.LayerName(checkpoint.LayerCount - 1).Length > 0, "layers have names");
            Expect(marlin.Info().layout == Layout.Marlin, "it is Marlin");
            marlin.Save(directory + "/marlin.safetensors", "layer"); // the script compares the bytes
            Compare(layer);
            using (var plan = Plan.Create(layer, 1, Dtype.F32))
                Expect(plan.Info().kernel == Kernel.Gemv && plan.Reason().Contains("gemv"), plan.Reason());
            using (var config = Config.Parse("{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 64, \"zero_point\": true}"))
                Expect(config.ToJson().Contains("\"group_size\":64"), config.ToJson());
        }
    }

    static void Errors()
    {
        Fails(Status.Missing, "/no/such/place", () => Checkpoint.Open("/no/such/place"));
        Fails(Status.Unsupported, "bits", () => Config.LoadFile(fixtures + "/configs/bits_3.json"));
        Fails(Status.Json, "here", () => Config.Parse("{\"bits\": ", "here"));
        Fails(Status.NullPointer, "path", () => Checkpoint.Open(null));
        Fails(Status.NullPointer, "device", () => Linear.Create(Device.None, null ?? Checkpoint.Open(Golden).Load(LayerName)));
        using (var checkpoint = Checkpoint.Open(Golden))
        {
            Fails(Status.NotFound, "no.such.layer", () => checkpoint.Load("no.such.layer"));
            using (var packed = checkpoint.Load(LayerName))
            {
                Fails(Status.UnknownEnum, "99", () => packed.Convert((Layout)99));
                Fails(Status.NotFound, "", () => packed.Tensor(Role.Bias));
                using (var layer = Linear.Create(Device.Cpu(1), packed))
                {
                    Fails(Status.InvalidArgument, "max_m", () => layer.WorkspaceBytes(0, Dtype.F32));
                    Fails(Status.BufferTooSmall, "workspace", () => layer.Run(new float[256], new float[512], 1, new byte[1]));
                    bool refused = false;
                    try { layer.Run(new float[255], new float[512], 1, new byte[1 << 16]); }
                    catch (ArgumentException) { refused = true; }
                    Expect(refused, "an array that is too short is refused");
                }
            }
            // Use after Dispose is .NET's own exception, never a crash.
            checkpoint.Dispose();
            bool disposed = false;
            try { checkpoint.Load(LayerName); }
            catch (ObjectDisposedException) { disposed = true; }
            Expect(disposed, "a disposed handle is refused");
        }
        string target = directory + "/converted";
        int calls = 0;
        Fails(Status.Cancelled, "", () => Conversion.Convert(Golden, target, Layout.CompressedTensors, (l, i, n) => ++calls < 3));
        Expect(calls == 3 && !Directory.Exists(target), "stopped at the third layer, nothing left");
        string thrown = null;
        try { Conversion.Convert(Golden, target, Layout.CompressedTensors, (l, i, n) => { throw new InvalidOperationException("mine"); }); }
        catch (InvalidOperationException e) { thrown = e.Message; }
        Expect(thrown == "mine", "what a callback throws comes out");
    }

    /// <summary>Handles that nobody disposes are freed by the finalizer's thread, in any order.</summary>
    static void Finalizers()
    {
        var maker = new Thread(() =>
        {
            for (int i = 0; i < 20; i++)
            {
                var packed = Checkpoint.Open(Golden).Load(LayerName);
                var layer = Linear.Create(Device.Cpu(2), packed);
                layer.WorkspaceBytes(1, Dtype.F32);
            }
        });
        maker.Start();
        maker.Join();
        int before = ThreadsOfProcess();
        for (int i = 0; i < 5; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Expect(ThreadsOfProcess() < before - 10, "finalizers ended the pools of forgotten devices");
    }

    static int ThreadsOfProcess() { return Directory.GetDirectories("/proc/self/task").Length; }

    static void Logging()
    {
        int lines = 0;
        Log.Set((level, line) => { lines++; throw new Exception("a receiver's own trouble"); }, LogLevel.Debug);
        Fails(Status.Unsupported, "bits", () => Config.LoadFile(fixtures + "/configs/bits_3.json"));
        Checkpoint.Open(Golden).Dispose();
        Log.Set(null);
        int seen = lines;
        Expect(lines >= 2, "a checkpoint that is opened and a failure are lines of the log");
        Checkpoint.Open(Golden).Dispose();
        Expect(lines == seen, "no line after the log was taken away");
    }

    /// <summary>What runs inside another domain, as a game does in Unity's editor.</summary>
    public int Visit(string where)
    {
        fixtures = where;
        int lines = 0;
        Log.Set((level, line) => lines++, LogLevel.Debug);
        var layer = Linear.Create(Device.Cpu(1), Checkpoint.Open(Golden).Load(LayerName));
        Compare(layer);
        Expect(lines > 0, "the domain's receiver gets lines");
        return failures == 0 ? 1 : 0;
    }

    /// <summary>The domain goes away with its receiver; the library stays loaded and must not call it any more.</summary>
    static void DomainReload()
    {
        for (int i = 0; i < 3; i++)
        {
            var domain = AppDomain.CreateDomain("play " + i);
            var tests = (Tests)domain.CreateInstanceAndUnwrap(typeof(Tests).Assembly.FullName, "Tests");
            Expect(tests.Visit(fixtures) == 1, "it runs in a domain of its own");
            AppDomain.Unload(domain);
            Checkpoint.Open(Golden).Dispose(); // would log
        }
    }

    static void Threads()
    {
        using (var packed = Checkpoint.Open(Golden).Load(LayerName))
        using (var layer = Linear.Create(Device.Cpu(1), packed))
        {
            var threads = new Thread[4];
            for (int t = 0; t < threads.Length; t++)
            {
                threads[t] = new Thread(() => { for (int i = 0; i < 20; i++) Compare(layer); });
                threads[t].Start();
            }
            foreach (var thread in threads) thread.Join();
        }
    }

    /// <summary>What a call costs from here; a statement, not a check: it says nothing on a busy machine.</summary>
    static void Measure()
    {
        const int Calls = 1000000;
        var clock = Stopwatch.StartNew();
        uint sum = 0;
        for (int i = 0; i < Calls; i++) sum += Library.AbiVersion;
        double call = clock.Elapsed.TotalMilliseconds * 1e6 / Calls;
        using (var packed = Checkpoint.Open(Golden).Load(LayerName))
        {
            clock = Stopwatch.StartNew();
            for (int i = 0; i < Calls / 10; i++) packed.Info();
            Console.WriteLine("a call into C {0:0} ns, with a SafeHandle and a struct {1:0} ns",
                call, clock.Elapsed.TotalMilliseconds * 1e7 / Calls);
        }
        Expect(sum == Calls * Library.AbiVersion, "every call answers");
    }

    static int Main(string[] args)
    {
        fixtures = args[0];
        directory = args[1];
        Table(args[2]);
        RealThing();
        Errors();
        Finalizers();
        Logging();
        DomainReload();
        Threads();
        Measure();
        Console.WriteLine(failures == 0 ? "ok " + checks + " checks" : "failed");
        return failures == 0 ? 0 : 1;
    }
}
