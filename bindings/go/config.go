package awqmarlin

// #include <awq_marlin.h>
import "C"

// Config is a parsed quantization config.
type Config struct {
	*handle[C.awqm_config]
	owner *Checkpoint // when it is borrowed
}

func newConfig(create func(out **C.awqm_config) C.awqm_status) (*Config, error) {
	var ptr *C.awqm_config
	if err := call(func() C.awqm_status { return create(&ptr) }); err != nil {
		return nil, err
	}
	return &Config{handle: newHandle(ptr, func(ptr *C.awqm_config) { C.awqm_config_free(ptr) })}, nil
}

// LoadConfigDirectory finds and parses the config of a checkpoint directory; StatusNotFound when it is not quantized.
func LoadConfigDirectory(path string) (*Config, error) {
	c, free := cstring(path)
	defer free()
	return newConfig(func(out **C.awqm_config) C.awqm_status { return C.awqm_config_load_directory(c, out) })
}

// LoadConfigFile parses one config file.
func LoadConfigFile(path string) (*Config, error) {
	c, free := cstring(path)
	defer free()
	return newConfig(func(out **C.awqm_config) C.awqm_status { return C.awqm_config_load_file(c, out) })
}

// ParseConfig parses a quantization section, or a whole config.json; origin names it in messages.
func ParseConfig(json []byte, origin string) (*Config, error) {
	c, free := cstring(origin)
	defer free()
	return newConfig(func(out **C.awqm_config) C.awqm_status {
		return C.awqm_config_parse((*C.char)(pointer(json)), C.size_t(len(json)), c, out)
	})
}

// ConfigFileNames are the names that are searched for a config, in order.
func ConfigFileNames() []string {
	var names []string
	for i := C.size_t(0); ; i++ {
		name := C.awqm_config_file_name(i)
		if name == nil {
			return names
		}
		names = append(names, C.GoString(name))
	}
}

// Info is the normalized config.
func (c *Config) Info() (ConfigInfo, error) {
	var info ConfigInfo
	err := c.call(func(ptr *C.awqm_config) C.awqm_status {
		return C.awqm_config_get_info(ptr, (*C.awqm_config_info)(sized(&info)))
	})
	return info, err
}

// Source is where the config came from: file and key path.
func (c *Config) Source() (string, error) {
	return c.fill(func(ptr *C.awqm_config, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_config_get_source(ptr, buf, capacity, length)
	})
}

// JSON is the normalized config as one JSON object.
func (c *Config) JSON() (string, error) {
	return c.fill(func(ptr *C.awqm_config, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_config_to_json(ptr, buf, capacity, length)
	})
}

// Warnings are unknown keys, and sources that disagree.
func (c *Config) Warnings() ([]string, error) {
	return c.texts(func(ptr *C.awqm_config) C.size_t { return C.awqm_config_warning_count(ptr) },
		func(ptr *C.awqm_config, i C.size_t, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
			return C.awqm_config_get_warning(ptr, i, buf, capacity, length)
		})
}

// Skip is the list of modules that are not quantized, as the config has it.
func (c *Config) Skip() ([]string, error) {
	return c.texts(func(ptr *C.awqm_config) C.size_t { return C.awqm_config_skip_count(ptr) },
		func(ptr *C.awqm_config, i C.size_t, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
			return C.awqm_config_get_skip(ptr, i, buf, capacity, length)
		})
}

// Module says whether and how the config quantizes a module, and why.
func (c *Config) Module(name string) (info ModuleInfo, reason string, err error) {
	cname, free := cstring(name)
	defer free()
	reason, err = c.fill(func(ptr *C.awqm_config, buf *C.char, capacity C.size_t, length *C.size_t) C.awqm_status {
		return C.awqm_config_query_module(ptr, cname, (*C.awqm_module_info)(sized(&info)), buf, capacity, length)
	})
	return info, reason, err
}
