using System;
using AwqMarlin;

/// <summary>One layer of an AWQ checkpoint on the CPU: first.exe DIR LAYER</summary>
static class First
{
    static void Main(string[] args)
    {
        using (var device = Device.Cpu())
        using (var checkpoint = Checkpoint.Open(args[0]))
        using (var packed = checkpoint.Load(args[1]))
        using (var layer = Linear.Create(device, packed))
        {
            var info = layer.Info();
            var x = new float[info.k];
            var y = new float[info.n];
            for (int k = 0; k < x.Length; k++) x[k] = 1;
            layer.Run(x, y, 1, new byte[layer.WorkspaceBytes(1, Dtype.F32)]);
            Console.WriteLine("K {0}, N {1}; x all ones, y[0] = {2}", info.k, info.n, y[0]);
        }
    }
}
